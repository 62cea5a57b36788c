/** The part of the address behind #, as parameters: #view=12/29.76/-95.37&layers=…&select=…. Writing replaces the entry of
    the history, so that "back" leaves the page. */
export class UrlState {
  private readonly listeners = new Set<() => void>();
  private values = read();
  private timer: number | undefined;

  constructor() {
    window.addEventListener('hashchange', () => {
      const now = read();
      if (now.toString() === this.values.toString()) return;
      this.values = now;
      for (const listener of this.listeners) listener();
    });
  }

  get(name: string): string | null {
    return this.values.get(name);
  }

  set(name: string, value: string | null): void {
    if (this.values.get(name) === value) return;
    if (value === null) this.values.delete(name);
    else this.values.set(name, value);
    // Browsers refuse more than some hundred of these in a while: one for a burst is enough.
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.write(), 150);
  }

  /** Called when somebody else than set() changed the address: a link, or a hand. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  private write(): void {
    history.replaceState(null, '', `#${this.values.toString().replaceAll('%2F', '/').replaceAll('%2C', ',')}`);
  }
}

function read(): URLSearchParams {
  return new URLSearchParams(location.hash.slice(1));
}
