// Drives the map page in Debian's Chromium, under its own policy: argument 1 is the URL of a database with a demo grid.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, launch, openMap, poorContrast, Server, sleep, until, watched } from './support.mjs';

const database = process.argv[2];
const tileOf = (url) => /\/tiles\/([a-z_]+)\/(\d+)\/(\d+)\/(\d+)/.exec(url)?.slice(1);
const tilesOf = (urls, layer) => urls.filter((url) => tileOf(url)?.[0] === layer);
const viewOf = (page) => new URL(page.url()).hash.match(/view=([^&]*)/)?.[1]?.split('/').map(Number) ?? [];
const textOf = (page, selector) => page.evaluate((s) => document.querySelector(s)?.textContent ?? '', selector);
const tally = (page, of) =>
  page.evaluate((name) => Number(document.querySelector(`#tally .is-${name}`)?.parentElement.querySelector('b').textContent), of);
const quiet = async (watch) => {
  for (let n = -1; n !== watch.requests.length; await sleep(700)) n = watch.requests.length;
};

async function starts({ page, watch, server }) {
  await openMap(page, server.url);
  check((await page.title()) === 'Grid map · gridlight', 'the title');
  const rows = await fetch(`${server.url}/api/postgres/substations/status`).then((r) => r.json());
  const critical = rows.filter((row) => row.status === 'critical').length;
  await until(async () => (await tally(page, 'critical')) === critical, 'critical substations are counted', {
    shown: () => textOf(page, '#tally'),
  });
  await until(async () => (await textOf(page, '#link')) === 'Live', 'the events are heard');
  for (const layer of ['power_lines', 'water', 'buildings'])
    check(tilesOf(watch.requests, layer).length > 0, `tiles of ${layer} are asked for`);
  check(tilesOf(watch.requests, 'vegetation').length === 0, 'a layer that is off costs nothing');
  check(!watch.requests.some((url) => url.includes('/layers/assets')), 'no bulk of rows is asked for');
  const drawn = await page.evaluate(() => {
    const map = document.querySelector('.maplibregl-canvas');
    return map.width > 300 && map.height > 300;
  });
  check(drawn && (await page.screenshot()).length > 40000, 'there is a picture');
}

async function panAsksOnlyForNewTiles({ page, watch, server }) {
  const [x, y] = server.middle;
  await page.goto('about:blank');
  await openMap(page, server.url, `#view=14/${y}/${x}`);
  await quiet(watch);
  // By keys: a drag that a loaded machine makes late is a press held still, which asks for a radius.
  const go = async (key) => {
    for (let i = 0; i < 4; ++i) {
      await page.focus('.maplibregl-canvas');
      await page.keyboard.press(key);
      await sleep(500);
    }
    await quiet(watch);
  };
  watch.requests.length = 0;
  await page.reload();
  await until(() => page.evaluate(() => document.documentElement.dataset.ready === 'true'), 'ready', { within: 90000 });
  await quiet(watch);
  const before = viewOf(page);
  await go('ArrowRight');
  check(viewOf(page)[2] > before[2], 'the map moves, and the address follows');
  await go('ArrowLeft');
  const tiles = watch.requests.filter(tileOf);
  check(tiles.length > 8, 'tiles were asked for');
  check(new Set(tiles).size === tiles.length, 'no tile is asked for again by going there and back');
}

async function zoomsAndSwitches({ page, watch }) {
  const before = viewOf(page)[0];
  const plus = async () => {
    await page.focus('.maplibregl-canvas');
    await page.keyboard.press('+');
    await sleep(1500);
    return viewOf(page)[0] > before + 0.5;
  };
  await until(plus, 'plus zooms in', {
    shown: () => page.evaluate(() => [location.hash, document.activeElement.outerHTML.slice(0, 80)]),
  });
  watch.requests.length = 0;
  await page.click('label[for=layer-vegetation]');
  await until(() => tilesOf(watch.requests, 'vegetation').length > 0, 'a layer that is switched on is asked for');
  await until(() => /layers=[^&]*vegetation/.test(page.url()), 'the address tells the layers');
  await page.focus('#layer-vegetation');
  await page.keyboard.press('Space');
  await until(() => !page.url().includes('layers='), 'and is short again when it is switched off');
  await page.focus('#colour-status');
  await page.keyboard.press('ArrowRight');
  await until(() => page.url().includes('lines=voltage'), 'lines can be coloured by voltage');
  await page.keyboard.press('ArrowLeft');
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  const was = await theme();
  await page.click('#theme');
  check((await theme()) !== was, 'the theme changes');
  check((await page.evaluate(poorContrast)).length === 0, `contrast: ${await page.evaluate(poorContrast)}`);
  await page.click('#theme');
  check((await page.evaluate(poorContrast)).length === 0, `contrast: ${await page.evaluate(poorContrast)}`);
}

async function hearsOfChanges({ page, watch, server }) {
  // A circuit of a good substation; not one with an outage, whose lines would look the same afterwards.
  const [found] = server.sql(`select c.substation_id || '|' || c.circuit_id from circuit_status_realtime c where
    not exists (select from outage_restoration_tracker o where o.circuit_id = c.circuit_id) and
    not exists (select from circuit_status_realtime d where d.substation_id = c.substation_id and
      (d.avg_load_percent > 70 or d.avg_health_score < 70 or d.avg_load_percent is null)) limit 1`);
  check(found, 'the demo has a good substation');
  const [id, circuit] = found.split('|');
  await page.goto('about:blank');
  await openMap(page, server.url); // all of the grid, so that every change is in view
  const critical = await tally(page, 'critical');
  await quiet(watch);
  watch.requests.length = 0;
  server.sql(`update circuit_status_realtime set avg_load_percent = 99 where circuit_id = '${circuit}'`);
  const start = Date.now();
  await until(async () => (await tally(page, 'critical')) === critical + 1, 'the substation becomes critical');
  console.log(`heard after ${Date.now() - start} ms`);
  check((await textOf(page, '#say')).includes('critical'), 'it is said, too');
  const outage = `OUT-${Date.now()}`; // another each time, should the database be kept
  server.sql(`insert into outage_restoration_tracker (outage_id, circuit_id, substation_id, status, priority,
    customers_affected, start_time, latitude, longitude) select '${outage}', circuit_id, substation_id, 'ACTIVE', 'HIGH',
    321, now(), centroid_lat, centroid_lon from circuit_status_realtime where circuit_id = '${circuit}'`);
  await until(async () => (await textOf(page, '#say')).includes('321 customers'), 'an outage is told');
  await until(() => tilesOf(watch.requests, 'power_lines').length > 0, 'tiles that changed are asked for anew');
  check(tilesOf(watch.requests, 'water').length === 0 && tilesOf(watch.requests, 'buildings').length === 0, 'and no others');
  await page.click(`.attention [data-id="${id}"]`);
  await until(() => page.url().includes(`select=substations/${id}`), 'choosing a substation is kept in the address');
  await until(() => viewOf(page).length > 2, 'the map goes there');
  return id;
}

async function outlivesTheServer({ page, watch, server }, id) {
  watch.away = true;
  await server.kill();
  await until(async () => (await textOf(page, '#link')).startsWith('No server'), 'the page says that the server is gone');
  await until(() => page.evaluate(() => document.querySelectorAll('.state.stale').length > 3), 'layers show as stale');
  const before = viewOf(page)[2];
  await page.focus('.maplibregl-canvas');
  await page.keyboard.press('ArrowRight');
  await until(() => viewOf(page)[2] > before, 'the map goes on');
  const critical = await tally(page, 'critical');
  server.sql(`update circuit_status_realtime set avg_load_percent = 10, avg_health_score = 95 where substation_id = '${id}'`);
  await server.start();
  await until(async () => (await textOf(page, '#link')) === 'Live', 'it comes back by itself');
  await until(async () => (await tally(page, 'critical')) === critical - 1, 'and knows what happened meanwhile');
  await until(() => page.evaluate(() => document.querySelectorAll('.state.stale').length === 0), 'nothing is stale');
  await quiet(watch);
  watch.away = false;
}

async function isUsableByKeyboard({ page, server }) {
  await page.goto('about:blank');
  await openMap(page, server.url);
  const seen = [];
  for (let i = 0; i < 40; ++i) {
    await page.keyboard.press('Tab');
    seen.push(await page.evaluate(() => document.activeElement.id || document.activeElement.className));
  }
  const at = (name) => seen.findIndex((each) => each.includes(name));
  check(at('skip') === 0 && at('theme') > 0, `focus begins at the way past the map: ${seen}`);
  check(at('layer-substations') > at('theme') && at('maplibregl-canvas') > at('layer-water'), `then layers, then map: ${seen}`);
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll('button, a, input')]
      .filter((e) => !e.textContent.trim() && !e.title && !e.ariaLabel && !e.labels?.length)
      .map((e) => e.outerHTML),
  );
  check(unnamed.length === 0, `each control has a name: ${unnamed}`);
  const shift = await page.evaluate(
    () =>
      new Promise((told) =>
        new PerformanceObserver((list) => told(list.getEntries().reduce((sum, e) => sum + e.value, 0))).observe({
          type: 'layout-shift',
          buffered: true,
        }) || setTimeout(() => told(0), 500),
      ),
  );
  check(shift < 0.05, `the layout shifts by ${shift}`);
}

async function fitsAPhone(browser, server) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const { page, watch } = await watched(context, server.url);
  await openMap(page, server.url);
  const size = () => page.evaluate(() => document.querySelector('#map').getBoundingClientRect().height);
  check((await size()) > 650, 'the map has nearly all of the screen');
  check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
  await page.tap('#tabs [data-panel=layers]');
  await until(async () => (await size()) < 650, 'the layers stand below the map');
  await page.tap('label[for=layer-water]');
  await until(() => page.url().includes('layers='), 'switches work by touch');
  check(watch.faults.length === 0, watch.faults.join('\n'));
  await context.close();
}

async function asksForAToken(browser, database) {
  const { keyed: server, token } = await Server.withTokens(database);
  try {
    const { page, watch } = await watched(await browser.newContext(), server.url);
    watch.away = true; // 401 is a failed request on the console
    await page.goto(`${server.url}/`);
    await until(() => page.evaluate(() => document.querySelector('dialog[open]') !== null), 'a token is asked for');
    check((await page.getByRole('dialog', { name: 'This server wants a token' }).count()) === 1, 'the dialog has its name');
    await page.fill('#token', token);
    await page.keyboard.press('Enter');
    await until(async () => (await textOf(page, '#link')) === 'Live', 'with it the events are heard', { within: 60000 });
    await until(() => page.evaluate(() => document.documentElement.dataset.ready === 'true'), 'ready', { within: 60000 });
    check((await page.evaluate(() => localStorage.getItem('gridlight.token'))) === null, 'it is kept for the tab only');
    check(watch.faults.length === 0, watch.faults.join('\n'));
  } finally {
    await server.kill('SIGTERM');
  }
}

async function tellsOfASourceThatFails(browser, database) {
  const config = join(mkdtempSync(join(tmpdir(), 'gridlight-map-')), 'gridlight.yaml');
  writeFileSync(
    config,
    `sync:
  tables:
    outages: {mode: mirrored, source: nowhere.at_all, connection: '${database}', schedule: 1s, foreign_writes: accept}
    work_orders: {enabled: false}
    circuits: {enabled: false}
    topology: {enabled: false}
`,
  );
  const server = await Server.start(database, ['--config', config]);
  try {
    const { page, watch } = await watched(await browser.newContext(), server.url);
    await openMap(page, server.url);
    const state = (layer) =>
      page.evaluate((id) => {
        const at = document.querySelector(`li:has(#${id}) .state`);
        return { stale: at.classList.contains('stale'), title: at.title, colour: getComputedStyle(at).color };
      }, `layer-${layer}`);
    await until(async () => (await state('outages')).stale, 'a layer whose source fails shows as stale', {
      shown: () => state('outages'),
    });
    const { title, colour } = await state('outages');
    check(/\d+ failed runs?/.test(title), `and tells why: ${title}`);
    const [red, green, blue] = colour.match(/\d+/g).map(Number);
    check(red > 1.5 * green && red > 1.5 * blue, `in red: ${colour}`);
    check(!(await state('substations')).stale, 'the others do not');
    check((await textOf(page, '#link')) === 'Live', 'and the page is live');
    check(watch.faults.length === 0, watch.faults.join('\n'));
  } finally {
    await server.kill('SIGTERM');
  }
}

const browser = await launch();
const server = await Server.start(database);
try {
  const [lon, lat] = server.sql('select avg(longitude)::text from substations union all select avg(latitude)::text from substations');
  server.middle = [Number(lon).toFixed(4), Number(lat).toFixed(4)];
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const { page, watch } = await watched(context, server.url);
  const all = { page, watch, server };
  const step = async (name, does) => {
    const start = Date.now();
    const out = await does();
    check(watch.faults.length === 0, `${name}: ${watch.faults.join('\n')}`);
    console.log(`${name}: ${Date.now() - start} ms`);
    return out;
  };
  await step('starts', () => starts(all));
  await step('pans', () => panAsksOnlyForNewTiles(all));
  await step('zooms and switches', () => zoomsAndSwitches(all));
  const id = await step('hears of changes', () => hearsOfChanges(all));
  await step('outlives the server', () => outlivesTheServer(all, id));
  await step('keyboard', () => isUsableByKeyboard(all));
  await context.close();
  await step('phone', () => fitsAPhone(browser, server));
  await step('token', () => asksForAToken(browser, database));
  await step('lag', () => tellsOfASourceThatFails(browser, database));
} finally {
  await browser.close();
  await server.kill('SIGTERM');
}
