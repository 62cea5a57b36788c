// The status page: figures that move, in place; no fault; and what it says when the server is gone and comes back. First
// argument: the server's URL. It says "stop" when the server should be ended and "start" when it should come again at the
// same address; a second argument is a folder for pictures.
import assert from 'node:assert/strict';
import { browser, until, watched } from './page.mjs';

const [url, pictures] = process.argv.slice(2);
const chromium = await browser();
try {
  const context = await chromium.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
  const { page, clean } = await watched(context, url);
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
  await clean();

  const phone = await chromium.newContext({ viewport: { width: 390, height: 800 }, isMobile: true, hasTouch: true, colorScheme: 'light' });
  const small = await watched(phone, url);
  await small.page.goto(`${url}/status`);
  await until('ready', async () => (await small.page.locator('.verdict-word').textContent()) === 'Ready');
  await until('rows', async () => (await small.page.locator('.latency tbody tr').count()) > 0);
  const wide = await small.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `${wide} px wide`);
  await shot('phone', small.page);
  await small.clean();
  await phone.close();

  console.log('stop');
  await until('it says that the server is gone', async () => (await text('.verdict-word')) === 'The server does not answer');
  assert.match(await text('.verdict-why'), /goes on asking/);
  assert.ok((await page.locator(nearest).count()) === 1, 'the last figures stand');
  await shot('gone');
  console.log('start');
  await until('back', async () => (await text('.verdict-word')) === 'Ready', 60_000);
  await clean(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|503/);
  console.log('seen');
} finally {
  await chromium.close();
}
