// What the map costs: argument 1 is the URL of a database with a demo grid. Prints the time from navigation to the first
// picture of all of it, the bytes over the wire until then, and the heap before and after many pans and zooms; exit code 1
// when one of them is beyond its limit (arguments 2 to 5: milliseconds, bytes, moves, megabytes of growth).
import { launch, Server, sleep, until, watched } from './support.mjs';

const [database, mostMs = 3000, mostBytes = 1.5e6, moves = 200, mostGrowth = 12] = process.argv.slice(2).map((a, i) => (i ? Number(a) : a));
const browser = await launch();
const server = await Server.start(database);
const ok = [];
const say = (name, value, limit) => {
  ok.push(value <= limit);
  console.log(`${name}: ${Math.round(value * 10) / 10} (at most ${limit})${value <= limit ? '' : ' EXCEEDED'}`);
};

async function firstPicture(first) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const { page, watch } = await watched(context, server.url);
  const wire = await context.newCDPSession(page);
  let bytes = 0;
  // The tiles too, which a worker asks for.
  page.on('requestfinished', async (request) => {
    const sizes = await request.sizes().catch(() => null);
    if (sizes) bytes += sizes.responseHeadersSize + sizes.responseBodySize;
  });
  await page.goto(`${server.url}/`);
  await until(() => page.evaluate(() => performance.getEntriesByName('gridlight.picture').length > 0), 'a picture', { within: 60000 });
  const ms = await page.evaluate(() => performance.getEntriesByName('gridlight.picture')[0].startTime);
  await until(() => page.evaluate(() => document.documentElement.dataset.ready === 'true'), 'ready', { within: 60000 });
  await sleep(1500);
  if (first) console.log(`the first visit of a server that has made no tile yet: ${Math.round(ms)} ms, ${bytes} bytes`);
  else {
    say('first picture, ms', ms, mostMs);
    say('bytes before interaction', bytes, mostBytes);
  }
  if (watch.faults.length) throw new Error(watch.faults.join('\n'));
  return { context, page, wire };
}

async function heapAfterMoves({ page, wire }) {
  const megabytes = async () => {
    for (let i = 0; i < 3; ++i) await wire.send('HeapProfiler.collectGarbage');
    return (await wire.send('Runtime.getHeapUsage')).usedSize / 1e6;
  };
  await page.focus('.maplibregl-canvas');
  const keys = ['ArrowRight', '+', 'ArrowDown', '+', 'ArrowLeft', '-', 'ArrowUp', '-'];
  const move = async (n) => {
    for (let i = 0; i < n; ++i) {
      await page.keyboard.press(keys[i % keys.length]);
      await sleep(350);
    }
    await sleep(1500);
  };
  await move(40); // until caches are as full as they get
  const before = await megabytes();
  await move(moves);
  const after = await megabytes();
  console.log(`heap: ${before.toFixed(1)} MB, after ${moves} pans and zooms ${after.toFixed(1)} MB`);
  say('growth of the heap, MB', after - before, mostGrowth);
}

try {
  await (await firstPicture(true)).context.close();
  const warm = await firstPicture(false);
  await heapAfterMoves(warm);
} finally {
  await browser.close();
  await server.kill('SIGTERM');
}
process.exit(ok.every(Boolean) ? 0 : 1);
