// A browser's own EventSource, against the server whose URL is the first argument: says "listening" once it has
// a snapshot, then waits for the outages named by the other arguments, over however many reconnections. Exit code
// 77: there is no browser.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [url, ...outages] = process.argv.slice(2);
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
if (!executablePath) {
  console.log('there is no chromium');
  process.exit(77);
}
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  await page.goto(`${url}/live`);
  await page.evaluate(() => {
    window.told = { snapshots: 0, layers: 0, opens: 0, outages: [], ids: 0 };
    const source = new EventSource('/api/postgres/events?layers=outages');
    source.onopen = () => ++told.opens;
    const feature = (f) => f.gone || told.outages.push(f.id);
    source.addEventListener('snapshot', (e) => {
      ++told.snapshots;
      told.ids += e.lastEventId.includes('outages=') ? 1 : 0;
      JSON.parse(e.data).outages.forEach(feature);
    });
    source.addEventListener('layer', (e) => (told.layers += JSON.parse(e.data).layer === 'outages' ? 1 : 0));
    source.addEventListener('outage', (e) => feature(JSON.parse(e.data)));
  });
  const until = async (condition, what) => {
    for (const end = Date.now() + 30000; Date.now() < end; await new Promise((r) => setTimeout(r, 50)))
      if (condition(await page.evaluate(() => told))) return;
    throw new Error(`${what}: ${JSON.stringify(await page.evaluate(() => told))}`);
  };
  await until((t) => t.snapshots > 0 && t.ids > 0, 'no snapshot');
  console.log('listening');
  for (const id of outages) await until((t) => t.outages.includes(id), `not told of ${id}`);
  await until((t) => t.layers > 0 && t.opens > 1, 'told of the layer, and connected again');
  console.log(JSON.stringify(await page.evaluate(() => told)));
} finally {
  await browser.close();
}
