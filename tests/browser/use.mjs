// What people do beside the straight way: keys, small screens, a mouse let go of elsewhere, addresses pasted in. The first
// argument is the database's URI; the second, when given, names the one step to take; the third is a folder for pictures.
import assert from 'node:assert/strict';
import { launch, openMap, Server, sleep, until as wait, watched } from './support.mjs';

const [database, only = '', pictures] = process.argv.slice(2);
const server = await Server.start(database);
const { url } = server;
const chromium = await launch();
const until = async (what, condition, within = 30_000) => {
  let last;
  await wait(async () => (last = await condition()), what, { within, shown: () => last });
  return last;
};
const [lon, lat] = (await fetch(`${url}/api/postgres/layers/transformers/nearest?lon=-95.37&lat=29.76&limit=1`).then((r) => r.json())).features[0].geometry.coordinates;
const here = `view=15/${lat}/${lon}`;
const wide = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 375, height: 700 }, hasTouch: true, isMobile: true };

/** A map of its own, with short ways to look at it. */
async function open(options = wide, hash = here) {
  const context = await chromium.newContext(options);
  const { page, watch } = await watched(context, url);
  await openMap(page, url, `#${hash}`);
  return {
    page,
    watch,
    text: (selector) => page.evaluate((s) => document.querySelector(s)?.textContent ?? '', selector),
    /** The element with the focus, as a selector would name it. */
    focus: () => page.evaluate(() => ((at) => (at.id ? `#${at.id}` : `.${at.className}`))(document.activeElement)),
    hash: () => page.evaluate(() => decodeURIComponent(location.hash.slice(1))),
    shot: async (name) => pictures && (await page.screenshot({ path: `${pictures}/use-${name}.png` })),
    async end() {
      assert.deepEqual(watch.faults, []);
      await context.close();
    },
  };
}

const steps = {
  async 'the way past the map leads to Ask and leaves the address alone'() {
    const chosen = (await fetch(`${url}/api/postgres/layers/substations/features?limit=1`).then((r) => r.json())).features[0].id;
    const kept = `${here}&layers=substations,water&select=substations/${chosen}`;
    for (const [name, options] of Object.entries({ wide, narrow: { viewport: { width: 375, height: 700 } } })) {
      const m = await open(options, kept);
      await until('the chosen one', async () => (await m.text('.ask-detail h3')) === chosen);
      if (name === 'narrow') await m.page.click('#tabs [data-panel=ask]'); // put away
      await m.page.locator('.skip').focus();
      await m.shot(`skip-${name}`);
      await m.page.keyboard.press('Enter');
      await until('the focus is in Ask', async () => (await m.focus()) === '#ask');
      await sleep(400); // the address is written a little later
      for (const part of ['view=15', 'layers=substations,water', `select=substations/${chosen}`]) assert.ok((await m.hash()).includes(part), await m.hash());
      assert.equal(await m.text('.ask-detail h3'), chosen);
      await m.shot(`skipped-${name}`);
      await m.end();
    }
  },

  async 'on a phone what was found stands below the field, and not over it'() {
    const m = await open(phone);
    await m.page.locator('.ask-input').tap();
    await m.page.keyboard.type('a');
    await until('found', async () => (await m.page.locator('[role=option]').count()) > 3);
    const apart = async () => {
      const [field, list] = await Promise.all(['.ask-input', '.ask-drop'].map((s) => m.page.locator(s).boundingBox()));
      assert.ok(list.y >= field.y + field.height, `the list begins at ${list.y}, the field ends at ${field.y + field.height}`);
      assert.ok(list.x >= 0 && list.x + list.width <= 375 && list.y + list.height <= 700, JSON.stringify(list));
    };
    await apart();
    await m.shot('phone-search');
    // The server goes, and the bar tells so in a row of its own.
    m.watch.away = true;
    await server.kill();
    await until('it is told', async () => (await m.text('#link')).startsWith('No server'));
    await apart();
    await m.shot('phone-search-gone');
    await server.start();
    await until('back', async () => (await m.text('#link')) === 'Live');
    await m.end();
  },

  async 'an address pasted into the open page is taken whole'() {
    const m = await open();
    const goTo = (hash) => m.page.evaluate((h) => (location.hash = h), hash);
    const on = () => m.page.evaluate(() => [...document.querySelectorAll('.switch:checked')].map((box) => box.id.slice(6)).sort().join(','));
    const lines = () => m.page.evaluate(() => document.querySelector('[name=colouring]:checked').value);
    const usual = await on();
    await m.page.click('label[for=layer-service_areas]');
    await until('switched by hand', async () => (await m.hash()).includes('service_areas'));
    m.watch.requests.length = 0;
    await goTo(`${here}&layers=water,vegetation&lines=voltage`);
    await until('its layers', async () => (await on()) === 'vegetation,water');
    assert.equal(await lines(), 'voltage');
    await until('their tiles', () => m.watch.requests.some((request) => request.includes('/tiles/vegetation/')));
    assert.ok(!(await m.page.locator('.legend-lines').isVisible()), 'the legend of a layer that is off');
    await m.shot('pasted');
    // What is done next begins from there.
    await m.page.click('label[for=layer-power_lines]');
    await until('all in the address', async () => (await m.hash()).includes('layers=power_lines,vegetation,water'));
    assert.ok((await m.hash()).includes('lines=voltage'));
    await goTo(here);
    await until('an address that names none means the usual ones', async () => (await on()) === usual);
    assert.equal(await lines(), 'status');
    await m.end();
  },

  async 'a circle whose mouse is let go of beside the map is asked, and the next drag pans'() {
    const m = await open();
    const { mouse } = m.page;
    const canvas = m.page.locator('.maplibregl-canvas');
    const box = await canvas.boundingBox();
    const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2];
    const circled = () => m.page.evaluate(() => document.querySelector('.maplibregl-canvas').title !== '');
    const drag = async (toX) => {
      await mouse.move(cx, cy);
      await mouse.down();
      await sleep(600); // longer than a click
      await mouse.move(cx - 60, cy, { steps: 4 });
      await mouse.move(toX, cy, { steps: 4 });
    };
    const moved = async (what) => {
      const before = (await m.hash()).match(/view=[^&]*/)[0];
      await mouse.move(cx, cy);
      await mouse.down();
      await mouse.move(cx + 40, cy, { steps: 3 });
      await mouse.move(cx + 120, cy, { steps: 6 });
      await mouse.up();
      await until(what, async () => (await m.hash()).match(/view=[^&]*/)[0] !== before);
    };
    const asked = () => m.watch.requests.filter((request) => request.includes('/within?')).length;

    await drag(60); // over the layers
    await until('a circle', circled);
    await m.shot('radius-beside');
    await mouse.up();
    await until('it is asked', async () => (await m.text('.ask-title')) === 'Within a radius');
    await until('once', () => asked() === 1);
    await moved('a drag pans');
    assert.equal(asked(), 1);

    // Let go of where the page hears nothing of it: the mouse comes back with no button down.
    await drag(cx - 90);
    await until('a circle', circled);
    await canvas.evaluate((c) => c.dispatchEvent(new MouseEvent('mousemove', { bubbles: true, buttons: 0, clientX: c.getBoundingClientRect().x + 50, clientY: 300 })));
    await mouse.up();
    await sleep(300);
    assert.equal(asked(), 1, 'what nobody finished is not asked');
    await moved('a drag pans again');
    assert.equal(asked(), 1);
    await m.end();
  },

  async 'the list of a search goes when the focus goes, and on Escape wherever that is pressed'() {
    const m = await open();
    const list = m.page.locator('.ask-drop');
    const within = () => m.page.evaluate(() => document.querySelector('.ask-search').contains(document.activeElement));
    const found = async () => {
      await m.page.locator('.ask-input').fill('a');
      await until('found', async () => (await m.page.locator('[role=option]').count()) > 0 && (await list.isVisible()));
    };
    await m.page.locator('.ask-tools button', { hasText: 'Nearest' }).click();
    await until('a panel', async () => (await m.page.locator('.ask-body .ask-row').count()) > 0);

    await m.page.locator('.ask-input').focus();
    await found();
    for (let i = 0; i < 6 && (await within()); ++i) await m.page.keyboard.press('Tab');
    assert.ok(!(await within()), 'Tab leads out of it');
    assert.ok(await list.isHidden(), 'it stays open over the map');
    await m.shot('search-left');

    await m.page.locator('.ask-input').focus();
    await found();
    await m.page.locator('.ask-drop summary').focus();
    await m.page.keyboard.press('Escape');
    assert.ok(await list.isHidden(), 'Escape within it');
    assert.equal(await m.focus(), '.ask-input');
    assert.equal(await m.page.locator('.ask-input').inputValue(), 'a');
    assert.ok(await m.page.locator('.ask-card').isVisible(), 'the panel below it stays');

    await found();
    await m.page.evaluate(() => document.activeElement.blur());
    assert.ok(await list.isVisible(), 'a window that loses the focus is no leaving');
    await m.page.keyboard.press('Escape');
    assert.ok(await list.isHidden(), 'Escape from nowhere');

    // A click on a result takes the focus from the field, and is no leaving either.
    await m.page.locator('.ask-input').focus();
    await found();
    await m.page.locator('[role=option]').first().click();
    await until('chosen', async () => (await m.hash()).includes('select='));
    assert.ok(await list.isHidden());

    // An answer that comes when somebody has gone on opens nothing.
    let answer;
    const held = new Promise((resume) => (answer = resume));
    await m.page.route('**/api/postgres/search**', async (route) => {
      await held;
      await route.continue();
    });
    const asked = m.page.waitForRequest((request) => request.url().includes('/search?q=b'));
    await m.page.locator('.ask-input').fill('b');
    await asked;
    await m.page.locator('.maplibregl-canvas').focus();
    const came = m.page.waitForResponse((response) => response.url().includes('/search?q=b'));
    answer();
    await came;
    await sleep(300);
    assert.ok(await list.isHidden(), 'a late answer');
    await m.page.locator('.ask-input').focus();
    await until('it is there on coming back', () => list.isVisible());
    await m.end();
  },

  async 'while an area is drawn Enter is for the map, and not taken from what has the focus'() {
    const m = await open();
    const canvas = m.page.locator('.maplibregl-canvas');
    const box = await canvas.boundingBox();
    const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2];
    await m.page.locator('.ask-tools button', { hasText: 'Area' }).click();
    const corners = () => m.text('.ask-body [role=status]');
    for (const [dx, dy] of [[-100, -80], [100, -80], [0, 90], [-90, 60]]) {
      await m.page.mouse.click(cx + dx, cy + dy);
      await sleep(350);
    }
    assert.match(await corners(), /^4 corners/);
    await m.page.locator('#layer-water').focus();
    await m.page.keyboard.press('Backspace');
    assert.match(await corners(), /^4 corners/, 'Backspace in the list of layers');
    const theme = () => m.page.evaluate(() => document.documentElement.dataset.theme);
    const was = await theme();
    await m.page.locator('#theme').focus();
    await m.page.keyboard.press('Enter');
    assert.notEqual(await theme(), was);
    assert.match(await corners(), /^4 corners/);
    await m.page.locator('.ask-buttons button', { hasText: 'Undo' }).focus();
    await m.page.keyboard.press('Backspace');
    assert.match(await corners(), /^3 corners/, 'Backspace on Undo');
    await m.page.locator('.tools a').focus();
    await m.page.keyboard.press('Enter');
    await until('the link is followed', () => m.page.url().endsWith('/status'));
    await m.end();
  },

  async 'a radius without a number is not asked, a long search is cut by bytes, and a copy that failed says so'() {
    const m = await open();
    const asked = () => m.watch.requests.filter((request) => request.includes('/within?'));
    await m.page.locator('.ask-tools button', { hasText: 'Radius' }).click();
    await until('a form', () => m.page.locator('.ask-form input').isVisible());
    await until('an answer', async () => /within|around/.test(await m.text('.ask-lead')));
    const before = asked().length;
    const lead = await m.text('.ask-lead');
    await m.page.locator('.ask-form input').fill('');
    await m.page.locator('.ask-form select').selectOption('power_lines');
    await m.page.locator('.ask-form button').click();
    await sleep(400);
    assert.equal(asked().length, before, asked().at(-1));
    assert.equal(await m.text('.ask-lead'), lead);
    assert.equal(await m.page.locator('.ask-form input:invalid').count(), 1);
    await m.shot('radius-empty');
    await m.page.locator('.ask-form input').fill('400');
    await m.page.locator('.ask-form button').click();
    await until('asked', () => asked().length === before + 1);
    assert.match(asked().at(-1), /power_lines\/within\?.*radius_m=400&/);

    await m.page.locator('.ask-input').fill('ü'.repeat(180));
    await until('an answer', async () => (await m.text('.ask-drop')) !== '');
    assert.equal((await m.text('.ask-drop .ask-empty p')), `Nothing is called “${'ü'.repeat(100)}…”.`);
    assert.ok(await m.page.locator('.ask-drop').evaluate((list) => list.scrollWidth <= list.clientWidth), 'it is broken into lines');
    await m.shot('search-long');

    // As on plain HTTP, where a page has no clipboard, in a browser that lets it not copy in the old way either.
    await m.page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new Error('no'));
      document.execCommand = () => false;
    });
    const copy = m.page.locator('.ask-drop .ask-copy');
    await m.page.locator('.ask-drop summary').click();
    await copy.click();
    await until('it says so', async () => (await copy.textContent()) === 'Not copied');
    assert.ok(await m.page.locator('.ask-drop').isVisible());
    assert.equal(await m.page.evaluate(() => String(getSelection())), await m.text('.ask-drop code'));
    assert.match(await m.text('#say'), /^Not copied/);
    await m.shot('not-copied');
    await m.end();
  },
};

let step;
try {
  for (const [name, does] of Object.entries(steps).filter(([each]) => each.includes(only))) {
    step = name;
    const start = Date.now();
    await does();
    console.log(`${name}: ${Date.now() - start} ms`);
  }
  assert.ok(step, `there is no step ${only}`);
} catch (error) {
  console.log(`at: ${step}`);
  throw error;
} finally {
  await chromium.close();
  await server.kill('SIGTERM');
}
