// What the tests of the pages share: Debian's Chromium, a server of their own, and a watch on what a page must not do.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const sleep = (ms) => new Promise((resume) => setTimeout(resume, ms));

/** Throws, with what `shown` tells, unless `condition` comes true in time. */
export async function until(condition, what, { within = 30000, shown = () => '' } = {}) {
  for (const end = Date.now() + within; Date.now() < end; await sleep(50)) if (await condition()) return;
  throw new Error(`not within ${within} ms: ${what} ${JSON.stringify(await shown())}`);
}

export function check(condition, what) {
  if (!condition) throw new Error(`wrong: ${what}`);
}

const drawing = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];

/** Exit code 77 says that there is no browser. */
export async function launch(flags = drawing) {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
  if (!executablePath) {
    console.log('there is no chromium');
    process.exit(77);
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...flags] });
}

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** `gridlight serve` on a port that stays the same when it is killed and started again. */
export class Server {
  static async start(database, args = []) {
    const server = new Server(await freePort(), database, args);
    await server.start();
    return server;
  }
  /** One that answers to a token alone. */
  static async withTokens(database) {
    const folder = mkdtempSync(join(tmpdir(), 'gridlight-page-'));
    const file = join(folder, 'tokens.yaml');
    const made = execFileSync('sh', ['-c', `"$GRIDLIGHT_BINARY" token dispatcher --scopes read 2>&1 >'${file}'`], {
      cwd: '/',
      env: { PATH: process.env.PATH, GRIDLIGHT_BINARY: process.env.GRIDLIGHT_BINARY },
      encoding: 'utf8',
    });
    const keyed = await Server.start(database, ['--set', `auth.tokens_file=${file}`, '--set', 'auth.anonymous=none']);
    return { keyed, token: /gl_[A-Za-z0-9_-]+/.exec(made)[0] };
  }
  constructor(port, database, args) {
    Object.assign(this, { port, database, args, url: `http://127.0.0.1:${port}` });
  }
  async start() {
    const args = ['--database-url', this.database, 'serve', '--port', this.port, '--set', 'log.access=false'];
    this.child = spawn(process.env.GRIDLIGHT_BINARY, [...args, ...this.args].map(String), {
      cwd: '/',
      env: { PATH: process.env.PATH },
      stdio: 'ignore',
    });
    await until(() => fetch(`${this.url}/ready`).then((r) => r.ok, () => false), 'the server is ready');
  }
  async kill(signal = 'SIGKILL') {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((end) => this.child.once('exit', end));
    this.child.kill(signal);
    await ended;
  }
  /** Runs SQL; the first column of its rows, as text. */
  sql(text) {
    const psql = ['/usr/lib/postgresql/15/bin/psql', '/usr/bin/psql'].find(existsSync);
    return execFileSync(psql, ['-XqAt', '-v', 'ON_ERROR_STOP=1', this.database, '-c', text], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean);
  }
}

/** Collects what a page must not do: errors on its console, breaches of its policy, requests to other hosts. While
    `watch.away` the server is known to be gone, and that requests fail is none. */
export async function watched(context, url) {
  const page = await context.newPage();
  const watch = { faults: [], requests: [], away: false };
  await page.exposeFunction('tellFault', (text) => watch.faults.push(text));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) =>
      window.tellFault(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`),
    );
  });
  page.on('pageerror', (error) => watch.faults.push(`error: ${error.stack}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const text = message.text();
    if (watch.away && text.startsWith('Failed to load resource')) return;
    if (text.includes('GPU stall due to ReadPixels')) return; // SwiftShader's, of every picture read back
    watch.faults.push(`${message.type()}: ${text}`);
  });
  page.on('request', (request) => {
    watch.requests.push(request.url());
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(url)) watch.faults.push(`elsewhere: ${request.url()}`);
  });
  return { page, watch };
}

/** Opens the map, and waits until all of it is there. */
export async function openMap(page, url, hash = '') {
  await page.goto(`${url}/${hash}`);
  await until(() => page.evaluate(() => document.documentElement.dataset.ready === 'true'), 'the map is ready', {
    within: 90000,
  });
}

/** Texts whose contrast with what lies behind them is below WCAG's 4.5. */
export function poorContrast() {
  const parse = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) =>
    [r, g, b]
      .map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if ((colour[3] ?? 1) > 0.9) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (node.closest('.sr-only, .skip, script, style, noscript, [disabled]')) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${text.data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}
