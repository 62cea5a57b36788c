/* global setImmediate */
// A window whose time goes on only when a test says so.
const settle = async () => {
  for (let i = 0; i < 20; ++i) await new Promise((resume) => setImmediate(resume));
};

export class Clock {
  now = Date.UTC(2026, 0, 1);
  tasks = new Map();
  last = 0;

  constructor() {
    const later = (act, ms = 0, every = 0) => {
      this.tasks.set(++this.last, { act, at: this.now + ms, every });
      return this.last;
    };
    const drop = (id) => this.tasks.delete(id);
    globalThis.window = {
      addEventListener: () => undefined,
      setTimeout: later,
      setInterval: (act, ms) => later(act, ms, ms),
      clearTimeout: drop,
      clearInterval: drop,
    };
    Date.now = () => this.now;
  }

  async pass(ms) {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const [id, next] = [...this.tasks].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!next || next.at > end) break;
      this.now = next.at;
      if (next.every > 0) next.at += next.every;
      else this.tasks.delete(id);
      next.act();
      await settle();
    }
    this.now = end;
  }
}
