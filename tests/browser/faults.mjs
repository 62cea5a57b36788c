// What the map page says of what it does not know: a part of it fails, and the rest must not pass for all that there is.
// Argument 1: the URL of a database with a demo grid; argument 2, when given, a folder for pictures; the others: the
// steps to be taken, instead of all.
import assert from 'node:assert/strict';
import { launch, openMap, Server, sleep, until, watched } from './support.mjs';

const [database, pictures, ...only] = process.argv.slice(2);
const browser = await launch();
const server = await Server.start(database);
const problem = (status, title, detail) => ({
  status,
  contentType: 'application/problem+json',
  body: JSON.stringify({ type: '/problems/test', title, status, detail, request_id: '01TEST' }),
});
const away = problem(503, 'Database unavailable', 'The database does not answer.');
const collection = (...features) => ({
  contentType: 'application/geo+json',
  body: JSON.stringify({ type: 'FeatureCollection', features, numberReturned: features.length, truncated: false, links: [] }),
});
const phone = { viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true, colorScheme: 'light' };
const desk = { viewport: { width: 1280, height: 800 } };

/** A page of its own; `failing` says that failed requests are meant. */
async function opened(hash = '', { size = desk, url = server.url, before = () => undefined } = {}) {
  const context = await browser.newContext(size);
  const { page, watch } = await watched(context, url);
  watch.away = true; // most of what follows makes requests fail
  const text = (selector) => page.evaluate((s) => document.querySelector(s)?.textContent ?? '', selector);
  const shot = (name) => pictures && page.screenshot({ path: `${pictures}/faults-${name}.png` });
  await before(page);
  await openMap(page, url, hash);
  const close = async () => {
    assert.deepEqual(watch.faults, []);
    await context.close();
  };
  return { page, watch, text, shot, close };
}

// Three layers do not answer, the others have what `rest` says.
async function threeFail(page, rest) {
  await page.route(/\/layers\/[a-z_]+\/(nearest|intersects)/, (route) => {
    const layer = /layers\/([a-z_]+)\//.exec(route.request().url())[1];
    return route.fulfill(['transformers', 'power_lines', 'substations'].includes(layer) ? away : (rest[layer] ?? collection()));
  });
}
const unknown = 'Not known of: Power lines, Substations, Transformers.';

async function aPartOfAQuestionFails() {
  for (const size of [desk, phone]) {
    const { page, text, shot, close } = await opened(`#view=15/${server.middle.join('/')}`, { size });
    const name = size === desk ? 'desk' : 'phone';
    const tool = async (title) => {
      if (size === phone && !(await page.locator('.ask-tools').isVisible())) await page.tap('#tabs [data-panel=ask]');
      await page.locator('.ask-tools button', { hasText: title }).click();
    };
    const done = async (title) => {
      if (title === 'Area') await page.locator('.ask-buttons button', { hasText: 'in view' }).click();
      await until(async () => (await text('.ask-fault')) !== '', `${title} tells of the fault`, { shown: () => text('#ask') });
    };
    for (const title of ['Area', 'Nearest']) {
      await threeFail(page, {});
      await tool(title);
      await done(title);
      const said = await text('.ask-body');
      assert.ok(said.includes(unknown) && said.includes(away.body.match(/"title":"([^"]*)"/)[1]), `${title}: ${said}`);
      assert.doesNotMatch(said, /^Nothing (lies|stands)/, title);
      assert.match(await text('#say'), /Not known of: Power lines/, title);
      await shot(`${title.toLowerCase()}-empty-${name}`);
      // One that hangs on no circuit.
      const tree = { type: 'Feature', id: 'TREE-1', geometry: { type: 'Point', coordinates: [server.middle[1], server.middle[0]] }, properties: { distance_m: 5, risk_level: 'monitor' } };
      await page.unroute(/\/layers\/[a-z_]+\/(nearest|intersects)/);
      await threeFail(page, { vegetation: collection(tree) });
      await page.locator('.ask-fault button', { hasText: 'Try again' }).click();
      await until(async () => (await text('.ask-body')).match(/TREE-1|Trees|Vegetation/), 'what is known is shown');
      await until(async () => (await text('.ask-fault')).includes(unknown), `${title} tells it beside what is known`, { shown: () => text('.ask-body') });
      if (title === 'Area') assert.match(await text('.ask-lead'), /1 or more features/);
      await shot(`${title.toLowerCase()}-some-${name}`);
      await page.unroute(/\/layers\/[a-z_]+\/(nearest|intersects)/);
      await page.locator('.ask-fault button').click();
      await until(async () => (await text('.ask-fault')) === '' && /XF-|Transformers/.test(await text('.ask-body')), 'and all is there once they answer');
    }
    await close();
  }
}

const stale = (page) => page.evaluate(() => document.querySelectorAll('#layer-list .state.stale').length);
const rows = (page) => page.evaluate(() => document.querySelectorAll('#layer-list .state').length);

async function theDatabaseIsAway() {
  const of = (name) => (database.includes('://') ? Object.assign(new URL(database), { pathname: name }).href : `${database} dbname=${name}`);
  const name = new Server(0, database, []).sql('select current_database()')[0];
  const admin = new Server(0, of('postgres'), []);
  const pages = [await opened(), await opened('', { size: phone })];
  await pages[1].page.tap('#tabs [data-panel=layers]');
  for (const { page, text } of pages) {
    await until(async () => (await text('#link')) === 'Live', 'live');
    assert.equal(await stale(page), 0);
  }
  admin.sql(`alter database "${name}" allow_connections false`);
  try {
    admin.sql(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
    for (const { page, text, shot } of pages) {
      await until(async () => (await text('#link')).startsWith('Database away'), 'the page says that the database is away', { within: 40_000, shown: () => text('#link') });
      assert.equal(await stale(page), await rows(page));
      assert.equal(await page.getAttribute('#link', 'data-state'), 'gone');
      await shot(`database-${page === pages[0].page ? 'desk' : 'phone'}`);
    }
  } finally {
    admin.sql(`alter database "${name}" allow_connections true`);
  }
  for (const { page, text, close } of pages) {
    await until(async () => (await text('#link')) === 'Live' && (await stale(page)) === 0, 'it is back', { shown: () => text('#link') });
    await close();
  }
}

async function tilesFailWhileTheLinkLives() {
  const tiles = /\/tiles\/power_lines\/\d/;
  const before = (page) => page.route(tiles, (route) => route.fulfill(away));
  const { page, watch, text, shot, close } = await opened('', { before });
  const title = () => page.evaluate(() => document.querySelector('li:has(#layer-power_lines) .state').title);
  await until(async () => (await title()).includes('could not be fetched'), 'the layer tells', { shown: title });
  assert.equal(await text('#link'), 'Live');
  assert.equal(await stale(page), 1);
  await shot('tiles');
  const asked = () => watch.requests.filter((url) => tiles.test(url));
  const first = new Set(asked()).size;
  await until(() => asked().length >= 2 * first, 'they are asked for again', { within: 10_000 });
  await page.unroute(tiles);
  await until(async () => !(await title()).includes('could not be fetched'), 'they come, and nothing is stale', { within: 60_000, shown: title });
  assert.equal(await stale(page), 0);
  assert.equal(watch.requests.filter((url) => url.includes('/events')).length, 1, 'the link was never cut');
  await close();
}

async function substationsComeAndGo() {
  const { page, text, shot, close } = await opened();
  const attention = (id) => page.evaluate((key) => document.querySelector(`.attention [data-id="${key}"]`)?.textContent ?? '', id);
  const id = `SUB-NEW-${Date.now()}`;
  const [lat, lon] = server.middle;
  await until(async () => (await text('#tally b')) !== '', 'counted');
  const counted = () => page.evaluate(() => [...document.querySelectorAll('#tally li:not(.outage) b')].reduce((sum, b) => sum + Number(b.textContent), 0));
  const all = await counted();
  assert.equal(all, Number(server.sql('select count(*) from substations')[0]));
  server.sql(`insert into substations (substation_id, substation_name, latitude, longitude) values ('${id}', 'Newtown', ${lat}, ${lon})`);
  server.sql(`insert into circuit_status_realtime (circuit_id, substation_id, avg_load_percent, avg_health_score) values ('${id}-C', '${id}', 140, 80)`);
  try {
    await until(async () => (await counted()) === all + 1, 'it is counted', { shown: counted });
    await until(async () => (await attention(id)).includes('Newtown'), 'and needs a look', { shown: () => text('.attention') });
    server.sql(`update substations set substation_name = 'Oldtown', longitude = longitude + 0.01 where substation_id = '${id}'`);
    await until(async () => (await attention(id)).includes('Oldtown'), 'its name is the new one', { shown: () => text('.attention') });
    await page.click(`.attention [data-id="${id}"]`);
    await until(() => Math.abs(Number(/view=[^/]*\/[^/]*\/([-\d.]+)/.exec(page.url())?.[1]) - lon - 0.01) < 1e-4, 'the map goes where it stands now', { shown: () => page.url() });
    await shot('substation');
  } finally {
    server.sql(`delete from circuit_status_realtime where circuit_id = '${id}-C'`);
    server.sql(`delete from substations where substation_id = '${id}'`);
  }
  await until(async () => (await counted()) === all && (await attention(id)) === '', 'and it is gone');
  await close();
}

async function thereIsNoWebGl() {
  const plain = await launch(['--disable-3d-apis']);
  try {
    for (const size of [desk, phone]) {
      const { page, watch } = await watched(await plain.newContext(size), server.url);
      const text = (selector) => page.evaluate((s) => document.querySelector(s)?.textContent ?? '', selector);
      await page.goto(server.url);
      await until(async () => (await text('#map .notice')).includes('WebGL 2'), 'the page says what is missing', { shown: () => text('#map') });
      await until(async () => (await text('#link')) === 'Live' && /\d/.test(await text('#tally')), 'the figures go on', { shown: () => text('#link') });
      assert.match(await text('#attention'), /%|Every substation is good/);
      assert.equal(await stale(page), 0);
      if (pictures) await page.screenshot({ path: `${pictures}/faults-webgl-${size === desk ? 'desk' : 'phone'}.png` });
      assert.deepEqual(watch.faults.filter((f) => !f.includes('WebGL')), []);
    }
  } finally {
    await plain.close();
  }
}

async function aPartOfThePageDoesNotCome() {
  const part = /\/static\/points-[^/]*\.js$/;
  const context = await browser.newContext(desk);
  const { page, watch } = await watched(context, server.url);
  watch.away = true;
  await page.route(part, (route) => route.fulfill({ status: 404, body: '' }));
  await page.goto(server.url);
  const told = () => page.evaluate(() => document.querySelector('#map .notice')?.textContent ?? '');
  await until(async () => (await told()).includes('Substations and outages are not drawn'), 'the page says what is missing', { within: 60_000, shown: told });
  assert.ok(await page.locator('#map .notice button').isVisible());
  if (pictures) await page.screenshot({ path: `${pictures}/faults-part.png` });
  await page.unroute(part);
  await until(() => page.evaluate(() => document.documentElement.dataset.ready === 'true'), 'it comes after all', { within: 60_000 });
  assert.equal(await told(), '');
  assert.deepEqual(watch.faults, []);
  await context.close();
}

async function theStreamEndsInGoodOrder() {
  const short = await Server.start(database, ['--set', 'events.max_duration=5s']);
  try {
    const { page, watch, text, close } = await opened('', { url: short.url });
    await until(async () => (await text('#link')) === 'Live', 'live');
    await page.evaluate(() => {
      window.seen = [];
      const look = () => window.seen.push(`${document.querySelector('#link').textContent}/${document.querySelectorAll('.state.stale').length}`);
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    });
    const streams = () => watch.requests.filter((url) => url.includes('/events')).length;
    const before = streams();
    await until(() => streams() >= before + 3, 'it ends, and is begun again, several times', { within: 40_000, shown: streams });
    await sleep(1000);
    const seen = await page.evaluate(() => [...new Set(window.seen)]);
    assert.deepEqual(seen.filter((each) => each !== 'Live/0'), []);
    await close();
  } finally {
    await short.kill('SIGTERM');
  }
}

const steps = {
  aPartOfAQuestionFails,
  theDatabaseIsAway,
  tilesFailWhileTheLinkLives,
  substationsComeAndGo,
  thereIsNoWebGl,
  aPartOfThePageDoesNotCome,
  theStreamEndsInGoodOrder,
};
try {
  const [middle] = server.sql('select latitude || \' \' || longitude from transformers order by transformer_id limit 1');
  server.middle = middle.split(' ').map(Number);
  for (const [name, take] of Object.entries(steps)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const start = Date.now();
    console.log(name);
    await take();
    console.log(`  ${Date.now() - start} ms`);
  }
} finally {
  await browser.close();
  await server.kill('SIGTERM');
}
