// What tests of the page share: Debian's Chromium, and a watch on what a page must not do.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

export async function browser() {
  if (!executablePath) {
    console.log('there is no chromium');
    process.exit(77);
  }
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  });
}

/** A page of `url` whose faults are kept: console errors, violations of the policy, requests to other hosts. */
export async function watched(context, url) {
  const page = await context.newPage();
  const faults = [];
  const host = new URL(url).host;
  page.on('console', (m) => {
    if (m.type() === 'error') faults.push(`console: ${m.text()} ${m.location().url}`);
  });
  page.on('pageerror', (e) => faults.push(`error: ${e.stack}`));
  page.on('request', (r) => {
    const to = new URL(r.url());
    if (['http:', 'https:', 'ws:'].includes(to.protocol) && to.host !== host) faults.push(`another host: ${r.url()}`);
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (e) =>
      window.violations.push(`${e.violatedDirective} ${e.blockedURI}`),
    );
  });
  return {
    page,
    faults,
    /** Nothing of it has happened, but what `allowed` matches. */
    async clean(allowed = /^$/) {
      const found = [...faults, ...(await page.evaluate(() => window.violations))].filter((f) => !allowed.test(f));
      assert.deepEqual(found, []);
    },
  };
}

/** Polls from here: under the policy the page itself may evaluate no text. */
export async function until(what, condition, ms = 30_000) {
  let last;
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`${what}: ${last instanceof Error ? last.stack : JSON.stringify(last)}`);
}
