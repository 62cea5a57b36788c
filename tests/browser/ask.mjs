// The panels of Ask, driven as people do: search, click, hold and drag, area, keys alone, faults. The first argument is
// the database's URI; the second, when given, a folder for pictures.
import assert from 'node:assert/strict';
import { launch, openMap, poorContrast, Server, sleep, until as wait, watched } from './support.mjs';

const [database, pictures] = process.argv.slice(2);
const server = await Server.start(database);
const { url } = server;
const chromium = await launch();
const steps = [];
const until = async (what, condition, within = 30_000) => {
  let last;
  await wait(async () => (last = await condition()), what, { within, shown: () => last });
  return last;
};

async function fetched(path, body) {
  const answer = await fetch(new URL(path, url), body && { method: 'POST', headers: { 'Content-Type': 'application/geo+json' }, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, path);
  return answer.json();
}

try {
  const context = await chromium.newContext({ viewport: { width: 1280, height: 800 }, permissions: ['clipboard-read', 'clipboard-write'] });
  const { page, watch } = await watched(context, url);
  const clean = (faults, allowed = /^$/) => assert.deepEqual(faults.filter((f) => !allowed.test(f)), []);
  const shot = (name) => pictures && page.screenshot({ path: `${pictures}/ask-${name}.png` });
  const text = (selector) => page.evaluate((s) => document.querySelector(s)?.textContent ?? '', selector);
  const rows = () => page.evaluate(() => [...document.querySelectorAll('.ask-body .ask-row')].map((r) => r.dataset.key));
  const opened = (title) => until(title, async () => (await text('.ask-title')) === title && !(await page.evaluate(() => document.querySelector('.ask-card').hasAttribute('aria-busy'))));
  const step = (name) => steps.push(name);

  // A place with something round it.
  const near = (await fetched('api/postgres/layers/transformers/nearest?lon=-95.37&lat=29.76&limit=1')).features[0];
  const [lon, lat] = near.geometry.coordinates;
  await openMap(page, url, `#view=15/${lat}/${lon}`);
  const canvas = page.locator('.maplibregl-canvas');
  const box = await canvas.boundingBox();
  const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2];

  step('search by name and id, by keys');
  const substation = (await fetched('api/postgres/layers/substations/features?limit=1')).features[0];
  await page.keyboard.press('/');
  await page.keyboard.type(substation.properties.substation_name.toUpperCase(), { delay: 10 });
  await until('options', async () => (await page.locator('[role=option]').count()) > 0);
  assert.equal(await page.locator('.ask-input').getAttribute('aria-expanded'), 'true');
  await page.keyboard.press('ArrowDown');
  const active = await page.locator('.ask-input').getAttribute('aria-activedescendant');
  assert.equal(await page.locator(`#${active}`).getAttribute('aria-selected'), 'true');
  const shown = await page.evaluate(() => [...document.querySelectorAll('[role=option]')].map((o) => o.textContent.toLowerCase()));
  for (const option of shown) assert.ok(option.includes(substation.properties.substation_name.toLowerCase()) || option.includes('circuit'), option);
  await page.locator('.ask-drop summary').click();
  assert.match(await text('.ask-drop code'), /^curl 'http.*api\/postgres\/search\?q=/);
  await shot('search');
  // Enter before the answer means the first of it.
  await page.locator('.ask-input').fill(substation.id);
  await page.keyboard.press('Enter');
  await until('its facts', async () => (await text('.ask-detail h3')) === substation.id);
  assert.match(await text('.ask-facts'), /voltage level/);
  await until('it is in the address', async () => page.url().includes(substation.id));
  await shot('detail');

  step('a search without a result, and one that is too odd, are said plainly');
  await page.locator('.ask-input').fill("no such ' % _ \\ thing");
  await until('nothing', async () => (await text('.ask-drop .ask-empty')).includes('Nothing is called'));
  await shot('search-none');
  await page.keyboard.press('Escape');
  assert.ok(await page.locator('.ask-drop').isHidden());
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'maplibregl-canvas');
  await page.keyboard.press('Escape');
  await until('closed', () => page.locator('.ask-card').isHidden());

  step('click: what is nearest, by distance, with circuit and substation');
  await page.goto('about:blank');
  await openMap(page, url, `#view=15/${lat}/${lon}`);
  await page.mouse.click(cx - 30, cy - 40);
  await opened('Nearest');
  const keys = await until('rows', async () => (await rows()).length > 2 && rows());
  assert.ok(new Set(keys.map((k) => k.split('/')[0])).size > 1, 'several layers');
  const far = await page.evaluate(() => [...document.querySelectorAll('.ask-body .ask-far')].map((n) => n.textContent));
  const inMetres = far.map((t) => parseFloat(t.replace(',', '')) * (t.endsWith('km') ? 1000 : 1));
  assert.deepEqual(inMetres, [...inMetres].sort((a, b) => a - b), far.join(' '));
  await until('circuit and substation', async () => (await page.locator('.ask-body .ask-home-line').count()) === 2);
  await page.locator('.ask-foot summary').last().click();
  assert.match(await text('.ask-body ~ div .ask-took'), /here · server: .*db/);
  await page.locator('.ask-body ~ div .ask-copy').first().click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, /^curl 'http[^']*\/nearest\?lon=[^']*'$/);
  await shot('nearest');
  assert.deepEqual(await page.evaluate(poorContrast), []);

  step('the list by keys; a row chosen; Escape gives the focus back');
  await page.locator('.ask-body .ask-row').first().focus();
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.key), keys[1]);
  assert.equal(await page.locator('.ask-body .ask-row[tabindex="0"]').count(), 1);
  await page.keyboard.press('End');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.key), keys.at(-1));
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await until('the chosen one', async () => keys[0].endsWith(`/${await text('.ask-detail h3')}`));
  assert.equal(await page.locator('.ask-row[aria-current]').getAttribute('data-key'), keys[0]);
  await page.keyboard.press('Escape');
  await until('closed', () => page.locator('.ask-card').isHidden());
  assert.equal(await page.evaluate(() => document.activeElement.className), 'maplibregl-canvas');

  step('hold and drag: a radius');
  const inside = () => page.screenshot({ clip: { x: cx - 80, y: cy - 40, width: 40, height: 40 } });
  await page.mouse.move(cx, cy);
  await sleep(500);
  const without = await inside();
  await page.mouse.down();
  await sleep(500);
  await page.mouse.move(cx + 60, cy, { steps: 4 });
  await page.mouse.move(cx + 120, cy, { steps: 4 });
  await until('the circle is drawn', async () => !(await inside()).equals(without));
  await shot('radius-drag');
  await page.mouse.up();
  await opened('Within a radius');
  const within = await until('rows', async () => (await rows()).length > 0 && rows());
  const line = await text('.ask-body ~ div code');
  const asked = new URL(/'(.*)'/.exec(line)[1]);
  assert.equal(asked.searchParams.get('f'), 'columns');
  const answer = await fetched(asked.pathname + asked.search);
  assert.deepEqual(within.slice(0, 100), answer.ids.slice(0, 100).map((id) => `${answer.layer}/${id}`));
  // 120 pixels at this zoom and latitude, ellipsoid or not.
  const expected = (120 * 40_075_016 * Math.cos((lat * Math.PI) / 180)) / 2 ** 15 / 512;
  const got = Number(asked.searchParams.get('radius_m'));
  assert.ok(Math.abs(got / expected - 1) < 0.02, `${got} is not about ${expected}`);
  await page.locator('.ask-body .ask-row').nth(1).hover();
  await shot('radius');

  step('the same by numbers alone; a radius that is refused says why, and with which parameter');
  await page.locator('.ask-form input').fill('90000');
  await page.locator('.ask-form button').click();
  await until('the fault', async () => (await text('.ask-fault')).includes('between 0 and 50000'));
  assert.match(await text('.ask-fault'), /Parameter radius_m/);
  await shot('fault');
  await page.locator('.ask-form input').fill('1');
  await page.keyboard.press('Enter');
  await until('nothing there, or little', async () => (await text('.ask-body')).match(/No transformers within|XF-/));
  await page.locator('.ask-form select').selectOption('power_lines');
  await page.locator('.ask-form input').fill('400');
  await page.locator('.ask-form button').click();
  await until('lines', async () => (await rows())[0]?.startsWith('power_lines/'));

  step('an area: corners, a crossing, Enter; counts by layer agree with the server');
  await page.locator('.ask-tools button', { hasText: 'Area' }).click();
  await until('drawing', async () => (await text('.ask-title')) === 'Within an area');
  const corner = async (dx, dy) => {
    await page.mouse.click(cx + dx, cy + dy);
    await sleep(350);
  };
  await corner(-150, -120);
  await corner(150, 120);
  await corner(150, -120);
  await corner(-150, 120);
  assert.match(await text('.ask-body [role=status]'), /crosses itself/);
  await shot('area-crossing');
  await page.locator('.ask-buttons button', { hasText: 'Undo' }).click();
  await page.locator('.ask-buttons button', { hasText: 'Undo' }).click();
  await corner(150, 120);
  await corner(150, -120);
  await page.keyboard.press('Backspace');
  await corner(150, -120);
  await page.mouse.move(cx, cy);
  await shot('area-draw');
  await page.keyboard.press('Enter');
  await until('counts', async () => (await page.locator('.ask-count').count()) > 2);
  const counts = await page.evaluate(() => [...document.querySelectorAll('.ask-count')].map((n) => [n.querySelector('.ask-count-name').textContent, n.querySelector('.ask-count-number').textContent]));
  const { layers } = await fetched('api/postgres/layers');
  await page.locator('.ask-body ~ div summary').click();
  const lines = await page.evaluate(() => [...document.querySelectorAll('.ask-body ~ div code')].map((n) => n.textContent));
  const body = JSON.parse(/-d '(.*)'$/.exec(lines[0])[1]);
  assert.equal(body.type, 'Polygon');
  for (const [title, number] of counts) {
    const { name } = layers.find((l) => l.title === title);
    const same = await fetched(`api/postgres/layers/${name}/intersects?limit=5000`, body);
    if (!number.startsWith('over')) assert.equal(Number(number.replace(',', '')), same.numberReturned, title);
  }
  await page.locator('.ask-count').first().click();
  await until('its features', async () => (await rows()).length > 0);
  assert.equal(await page.locator('.ask-count').first().getAttribute('aria-expanded'), 'true');
  await shot('area');

  step('Escape while drawing lets go of it');
  await page.locator('.ask-tools button', { hasText: 'Area' }).click();
  await corner(10, 10);
  await page.keyboard.press('Escape');
  await until('closed', () => page.locator('.ask-card').isHidden());
  assert.equal(await page.locator('.ask-tools button', { hasText: 'Area' }).getAttribute('aria-pressed'), 'false');
  clean(watch.faults, /status of 400/);

  step('nobody answers');
  await page.route('**/api/postgres/layers/**', (route) => route.abort());
  await page.locator('.ask-tools button', { hasText: 'Nearest' }).click();
  await until('said', async () => (await text('.ask-fault')).includes('does not answer'));
  await page.unroute('**/api/postgres/layers/**');
  await page.locator('.ask-fault button').click();
  await until('again', async () => (await rows()).length > 2);

  step('on a phone, in the light');
  const phone = await chromium.newContext({ viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true, colorScheme: 'light' });
  const small = await watched(phone, url);
  await openMap(small.page, url, `#view=15/${lat}/${lon}`);
  await small.page.locator('#tabs [data-panel=ask]').tap();
  await small.page.locator('.ask-tools button', { hasText: 'Nearest' }).tap();
  await until('rows', async () => (await small.page.locator('.ask-body .ask-row').count()) > 2);
  const wide = await small.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `${wide} px wide`);
  if (pictures) await small.page.screenshot({ path: `${pictures}/ask-phone.png` });
  clean(small.watch.faults);
  console.log(`${steps.length} steps`);
} catch (error) {
  console.log(`at: ${steps.at(-1)}`);
  throw error;
} finally {
  await chromium.close();
  await server.kill('SIGTERM');
}
