import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import './page.js';
import { askAll } from '../src/status/poll.ts';

const { fetch, sessionStorage } = globalThis;
afterEach(() => Object.assign(globalThis, { fetch, sessionStorage }));

// A server that answers by path, and notes what it was asked, with the token or without.
function serve(answers) {
  const asked = [];
  globalThis.sessionStorage = { getItem: () => 'gl_held', removeItem: () => undefined };
  globalThis.fetch = async (url, { headers } = {}) => {
    const path = new URL(url).pathname;
    const token = headers?.Authorization;
    asked.push([path, token]);
    const [status, body] = answers(path, token);
    return new globalThis.Response(typeof body === 'string' ? body : JSON.stringify(body), { status });
  };
  return asked;
}
const refused = [401, { title: 'Unauthorized', status: 401, detail: 'a token is needed' }];
const unready = { status: 'unready', reason: 'postgres: connection refused', version: '1.2.3', uptime_s: 12, warnings: ['old'] };

test('what a server that is not ready says of itself is taken as it came, with the token', async () => {
  const asked = serve((path, token) => (!token ? refused : path === '/health' ? [503, unready] : path === '/metrics' ? [200, 'up 1\n'] : [200, { layers: [], runs: [] }]));
  const { verdict, faults, gone } = await askAll();
  assert.deepEqual(verdict, unready);
  assert.deepEqual([faults, gone], [[], false]);
  assert.deepEqual(asked.filter(([path]) => path === '/health'), [['/health', 'Bearer gl_held']]);
  assert.ok(asked.every(([, token]) => token));
});

test('a 503 that is no verdict is a fault, and /ready is asked', async () => {
  const busy = { title: 'Overloaded', status: 503, detail: 'too many wait' };
  for (const body of [busy, '<html>Bad gateway</html>', 'null']) {
    serve((path) => (path === '/ready' ? [200, { status: 'ready' }] : [503, body]));
    const { verdict, faults } = await askAll();
    assert.equal(verdict.status, 'ready');
    assert.equal(faults.length, 1, String(faults));
  }
  serve(() => [503, busy]);
  const { verdict, faults } = await askAll();
  assert.equal(verdict, undefined);
  assert.deepEqual(faults, ['too many wait']);
});
