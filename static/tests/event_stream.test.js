/* global ReadableStream, Response, TextEncoder */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import './page.js';
import { Clock } from './clock.js';
import { EventStream } from '../src/live/event_stream.ts';

const event = (id) => new TextEncoder().encode(`event: layer\nid: ${id}\ndata: {}\n\n`);

/** A page that listens to a server whose answers are `server.answer`; `server.end` ends the stream in good order. */
function listening() {
  const clock = new Clock();
  const server = { asked: [], end: () => undefined, cut: () => undefined };
  const stream = () =>
    new Response(
      new ReadableStream({
        start(out) {
          out.enqueue(event(`v=${server.asked.length}`));
          server.end = () => out.close();
          server.cut = () => out.error(new TypeError('network error'));
        },
      }),
    );
  server.answer = stream;
  globalThis.fetch = async (_, { headers, signal }) => {
    server.asked.push(headers['Last-Event-ID']);
    signal.throwIfAborted();
    return server.answer(signal);
  };
  const told = [];
  const heard = [];
  const link = new EventStream({
    path: 'api/postgres/events',
    onEvent: (e) => heard.push(e.id),
    onState: (state) => told.at(-1) !== state && told.push(state),
    onUnauthorized: () => undefined,
  });
  return { clock, server, told, heard, stream, link };
}

test('a stream that ends in good order and is soon back was never missed', async () => {
  const { clock, server, told, heard } = listening();
  await clock.pass(1_000);
  for (let i = 0; i < 20; ++i) {
    server.end();
    await clock.pass(5_000);
  }
  assert.deepEqual(told, ['live']);
  assert.equal(heard.length, 21);
  assert.deepEqual(server.asked.slice(0, 3), [undefined, 'v=1', 'v=2'], 'it tells where it had got to');
});

test('one that is not back within three seconds is', async () => {
  const { clock, server, told, stream } = listening();
  await clock.pass(1_000);
  server.answer = (signal) => new Promise((_, refuse) => signal.addEventListener('abort', () => refuse(signal.reason)));
  server.end();
  await clock.pass(2_900);
  assert.deepEqual(told, ['live']);
  await clock.pass(200);
  assert.deepEqual(told, ['live', 'connecting']);
  server.answer = stream;
  await clock.pass(60_000); // silence ends the attempt that hangs
  assert.deepEqual(told, ['live', 'connecting', 'gone', 'live']);
});

test('one that is cut, or whose server is gone when it comes again, is gone at once', async () => {
  const { clock, server, told, stream } = listening();
  await clock.pass(1_000);
  server.answer = () => Promise.reject(new TypeError('fetch failed'));
  server.cut();
  await clock.pass(10);
  assert.deepEqual(told, ['live', 'gone']);
  server.answer = stream;
  await clock.pass(10_000);
  assert.deepEqual(told, ['live', 'gone', 'live']);
  server.answer = () => new Response('', { status: 503 });
  server.end();
  await clock.pass(1_000);
  assert.deepEqual(told, ['live', 'gone', 'live', 'gone']);
  await clock.pass(5_000);
  assert.equal(told.at(-1), 'gone', 'no grace of before comes after it');
});

test('a token that is refused is told at once', async () => {
  const { clock, server, told } = listening();
  await clock.pass(1_000);
  server.answer = () => new Response('', { status: 401 });
  server.end();
  await clock.pass(1_000);
  assert.deepEqual(told, ['live', 'refused']);
  const { length } = server.asked;
  await clock.pass(60_000);
  assert.equal(server.asked.length, length, 'and not asked again with the same');
});
