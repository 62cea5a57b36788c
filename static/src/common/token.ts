// The token of whoever looks at the page, where the server wants one. It lives as long as the tab does.
const key = 'gridlight.token';

export function heldToken(): string | null {
  return sessionStorage.getItem(key);
}

export function holdToken(token: string | null): void {
  if (token === null) sessionStorage.removeItem(key);
  else sessionStorage.setItem(key, token);
}

export function tokenHeaders(): Record<string, string> {
  const token = heldToken();
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}
