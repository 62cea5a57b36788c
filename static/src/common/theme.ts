export type ThemeName = 'dark' | 'light';

const key = 'gridlight.theme';
const light = matchMedia('(prefers-color-scheme: light)');

/** Dark or light: as the system says until somebody chooses, then as was chosen. */
export class Theme {
  private readonly listeners = new Set<(name: ThemeName) => void>();
  private chosen: ThemeName | null;

  constructor() {
    const kept = localStorage.getItem(key);
    this.chosen = kept === 'dark' || kept === 'light' ? kept : null;
    light.addEventListener('change', () => this.tell());
    this.tell();
  }

  get name(): ThemeName {
    return this.chosen ?? (light.matches ? 'light' : 'dark');
  }

  set(name: ThemeName): void {
    this.chosen = name;
    localStorage.setItem(key, name);
    this.tell();
  }

  toggle(): void {
    this.set(this.name === 'dark' ? 'light' : 'dark');
  }

  /** Called with each change; not with the state of now. */
  onChange(listener: (name: ThemeName) => void): void {
    this.listeners.add(listener);
  }

  /** The value of a token of tokens.css, such as "--critical". */
  token(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  private tell(): void {
    document.documentElement.dataset.theme = this.name;
    for (const listener of this.listeners) listener(this.name);
  }
}
