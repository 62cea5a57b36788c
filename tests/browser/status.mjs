// The status page: figures that move, in place; no fault; and what it says when the server is gone and comes back. First
// argument: the database's URI; the second, when given, a folder for pictures.
import assert from 'node:assert/strict';
import { launch, poorContrast, Server, until as wait, watched } from './support.mjs';

const [database, pictures] = process.argv.slice(2);
const server = await Server.start(database);
const { url } = server;
const until = async (what, condition, within = 30_000) => {
  let last;
  await wait(async () => (last = await condition()), what, { within, shown: () => last });
  return last;
};
const chromium = await launch();
try {
  const context = await chromium.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
  const { page, watch } = await watched(context, url);
  const clean = (faults, allowed = /^$/) => assert.deepEqual(faults.filter((f) => !allowed.test(f)), []);
  const shot = (name, of = page) => pictures && of.screenshot({ path: `${pictures}/status-${name}.png`, fullPage: true });
  const text = (selector) => page.evaluate((s) => document.querySelector(s)?.textContent ?? '', selector);
  const ask = () => fetch(`${url}/api/postgres/layers/transformers/nearest?lon=-95.37&lat=29.76&limit=3`).then((r) => r.text());
  for (let i = 0; i < 20; ++i) await ask();
  await fetch(`${url}/api/postgres/tiles/topology/12/962/1692`).then((r) => r.arrayBuffer());
  await fetch(`${url}/api/postgres/tiles/topology/12/962/1692`).then((r) => r.arrayBuffer());

  await page.goto(`${url}/status`);
  await until('the first round', async () => (await text('.verdict-word')) === 'Ready');
  const nearest = '.latency tr[data-key="/api/postgres/layers/{layer}/nearest"]';
  const requests = async () => Number((await text(`${nearest} td:nth-child(5)`)).replace(/,/g, ''));
  await until('the route', async () => (await requests()) >= 20);
  assert.match(await text(`${nearest} td:nth-child(3)`), / ms$/);
  assert.ok((await page.locator(`${nearest} svg.strip .bucket`).count()) > 0);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const kept = /^gridlight_tile_cache_tiles (\d+)$/m.exec(metrics)[1];
  await until('tiles kept', async () => (await text('.tile[data-key="Tiles kept"] .more')).startsWith(`${kept} tiles`));
  assert.ok((await page.locator('h2', { hasText: 'Runs of the sync' }).count()) === 1);
  for (const lane of ['lookup', 'tile', 'sync', 'admin']) assert.equal(await page.locator(`tr[data-key="${lane}"]`).count(), 1, lane);
  const { layers } = await (await fetch(`${url}/api/postgres/sync/status`)).json();
  for (const l of layers) assert.equal(await page.locator(`tbody tr[data-key="${l.layer}"]`).count(), 1, l.layer);

  // The next round changes the figures in the rows that stand.
  await page.evaluate((s) => (document.querySelector(s).marked = true), nearest);
  const before = await requests();
  for (let i = 0; i < 7; ++i) await ask();
  await until('figures move', async () => (await requests()) >= before + 7);
  assert.equal(await page.evaluate((s) => document.querySelector(s).marked, nearest), true);
  assert.equal(await page.evaluate(() => document.querySelectorAll('h1').length), 1);
  await page.locator('.choice button', { hasText: 'Last minute' }).click();
  await until('the last minute', async () => (await requests()) >= 7 && (await requests()) < before + 7);
  await page.locator('.choice button', { hasText: 'Since the start' }).click();
  await shot('dark');
  await page.locator('#theme').click();
  await shot('light');
  await page.locator('#theme').click();
  clean(watch.faults);
  assert.deepEqual(await page.evaluate(poorContrast), []);

  const phone = await chromium.newContext({ viewport: { width: 390, height: 800 }, isMobile: true, hasTouch: true, colorScheme: 'light' });
  const small = await watched(phone, url);
  await small.page.goto(`${url}/status`);
  await until('ready', async () => (await small.page.locator('.verdict-word').textContent()) === 'Ready');
  await until('rows', async () => (await small.page.locator('.latency tbody tr').count()) > 0);
  const wide = await small.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `${wide} px wide`);
  await shot('phone', small.page);
  clean(small.watch.faults);
  await phone.close();

  const { keyed, token } = await Server.withTokens(database);
  try {
    for (const way of ['with', 'without']) {
      const tab = await chromium.newContext({ viewport: { width: way === 'with' ? 1280 : 390, height: 800 } });
      const { page: other, watch: seen } = await watched(tab, keyed.url);
      seen.away = true; // 401 is a failed request on the console
      await other.goto(`${keyed.url}/status`);
      await until('a token is asked for', () => other.locator('dialog[open]').isVisible());
      await shot(`token-${way}`, other);
      if (way === 'with') {
        await other.fill('#token', token);
        await other.keyboard.press('Enter');
        await until('figures', async () => (await other.locator('tbody tr[data-key="substations"]').count()) === 1);
        assert.equal(await other.locator('.verdict-why').textContent(), '');
      } else {
        await other.keyboard.press('Escape');
        const rounds = () => seen.requests.filter((request) => request.endsWith('/ready')).length;
        const before = rounds();
        await until('the next rounds', () => rounds() > before + 1);
        assert.ok(!(await other.locator('dialog').count()), 'who declined is not asked again');
        assert.match(await other.locator('.verdict-why').textContent(), /token/);
        assert.equal(await other.locator('.verdict-word').textContent(), 'Ready');
      }
      clean(seen.faults);
      await tab.close();
    }
  } finally {
    await keyed.kill('SIGTERM');
  }

  watch.away = true;
  await server.kill();
  await until('it says that the server is gone', async () => (await text('.verdict-word')) === 'The server does not answer');
  assert.match(await text('.verdict-why'), /goes on asking/);
  assert.ok((await page.locator(nearest).count()) === 1, 'the last figures stand');
  await shot('gone');
  await server.start();
  await until('back', async () => (await text('.verdict-word')) === 'Ready', 60_000);
  clean(watch.faults);
} finally {
  await chromium.close();
  await server.kill('SIGTERM');
}
