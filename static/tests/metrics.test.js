import assert from 'node:assert/strict';
import { test } from 'node:test';
import { histograms, quantile, since } from '../src/status/histogram.ts';
import { History, readingOf } from '../src/status/history.ts';
import { Metrics, parseMetrics } from '../src/status/metrics.ts';
import { ago, bytes, ms, span } from '../src/status/words.ts';

test('samples, labels and special numbers', () => {
  const text = [
    '# HELP a Some help with "quotes" and {braces} 5',
    '# TYPE a counter',
    'a 5',
    'a{x="1"} 2.5e3 1700000000000',
    'b{route="/tiles/{layers}/{z}",status="200"} 7',
    'c{v="say \\"hi\\"\\\\n, ok\\n}"} +Inf',
    'd NaN',
    'e{} -Inf',
    'f{x="1",} 1',
    '',
  ].join('\n');
  assert.deepEqual(parseMetrics(text), [
    { name: 'a', labels: {}, value: 5 },
    { name: 'a', labels: { x: '1' }, value: 2500 },
    { name: 'b', labels: { route: '/tiles/{layers}/{z}', status: '200' }, value: 7 },
    { name: 'c', labels: { v: 'say "hi"\\n, ok\n}' }, value: Infinity },
    { name: 'd', labels: {}, value: NaN },
    { name: 'e', labels: {}, value: -Infinity },
    { name: 'f', labels: { x: '1' }, value: 1 },
  ]);
});

test('what is no sample is left out', () => {
  for (const line of ['', 'a', '5', 'a{x=1} 2', 'a{x="1} 2', 'a{x="1"', 'a{x="1"}', 'a b c d', '<html>', 'a{x="1"y="2"}z 3'])
    assert.deepEqual(parseMetrics(line), [], line);
});

const page = (counts, route = '/x') =>
  new Metrics(
    parseMetrics(
      [['0.01', counts[0]], ['0.1', counts[1]], ['+Inf', counts[2]]]
        .map(([le, n]) => `h_bucket{route="${route}",le="${le}"} ${n}`)
        .concat(`h_sum{route="${route}"} 3`)
        .join('\n'),
    ),
  );

test('buckets are cumulative in the text and are not in the histogram', () => {
  const h = histograms(page([4, 10, 12]), 'h', 'route').get('/x');
  assert.deepEqual(h.counts, [4, 6, 2]);
  assert.deepEqual(h.bounds, [0.01, 0.1, Infinity]);
  assert.equal(h.total, 12);
  assert.equal(h.sum, 3);
});

test('buckets in any order; a count that falls is no negative one', () => {
  const m = new Metrics(parseMetrics('h_bucket{le="+Inf"} 3\nh_bucket{le="1"} 5\nh_bucket{le="0.5"} 1'));
  assert.deepEqual(histograms(m, 'h', 'route').get('').counts, [1, 4, 0]);
});

test('quantiles lie within their bucket', () => {
  const h = histograms(page([4, 10, 12]), 'h', 'route').get('/x');
  assert.equal(quantile(h, 0), 0);
  assert.ok(Math.abs(quantile(h, 0.5) - (0.01 + 0.09 * (2 / 6))) < 1e-12);
  assert.equal(quantile(h, 0.99), 0.1); // above all bounds: the last that is known
  assert.equal(quantile({ bounds: [1, Infinity], counts: [0, 0], total: 0, sum: 0 }, 0.5), undefined);
  for (const q of [0.01, 0.2, 1 / 3]) assert.ok(quantile(h, q) <= 0.01 && quantile(h, q) >= 0);
});

test('what came between two readings; after a restart, all of it', () => {
  const a = histograms(page([4, 10, 12]), 'h', 'route').get('/x');
  const b = histograms(page([5, 12, 20]), 'h', 'route').get('/x');
  assert.deepEqual(since(b, a).counts, [1, 1, 6]);
  assert.equal(since(b, a).total, 8);
  assert.deepEqual(since(a, b).counts, a.counts);
  assert.deepEqual(since(a, undefined).counts, a.counts);
});

test('rates, over a restart as well', () => {
  const history = new History(60_000);
  for (const [at, n] of [[0, 100], [1000, 110], [3000, 150], [4000, 5], [5000, 8]])
    history.add(readingOf(new Metrics(parseMetrics(`c ${n}`)), at));
  assert.deepEqual(history.rate((m) => m.value('c')), [[1000, 10], [3000, 20], [5000, 3]]);
  assert.deepEqual(history.gauge('c').map(([, v]) => v), [100, 110, 150, 5, 8]);
  assert.equal(history.before(1500).at, 3000);
  assert.equal(history.before(99_999).at, 0);
});

test('history forgets what is old', () => {
  const history = new History(1000);
  for (let at = 0; at <= 10_000; at += 100) history.add(readingOf(new Metrics([]), at));
  assert.ok(history.before(1e9).at >= 9_000);
});

test('sums over the labels that are not named', () => {
  const m = new Metrics(parseMetrics('p{lane="a"} 1\np{lane="b"} 2'));
  assert.equal(m.value('p'), 3);
  assert.equal(m.value('p', { lane: 'b' }), 2);
  assert.equal(m.value('p', { lane: 'c' }), undefined);
  assert.equal(m.value('q'), undefined);
});

test('figures in words', () => {
  assert.equal(bytes(0), '0 B');
  assert.equal(bytes(1536), '1.5 KB');
  assert.equal(bytes(64 * 1024 * 1024), '64 MB');
  assert.equal(span(3), '3 s');
  assert.equal(span(7_500), '2 h 5 min');
  assert.equal(span(7_190), '2 h 0 min');
  assert.equal(span(10_785), '3 h 0 min');
  assert.equal(span(5_400), '1 h 30 min');
  assert.equal(span(172_780), '2 d');
  assert.equal(span(400_000), '5 d');
  assert.equal(ago('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:02:00Z')), '2 min ago');
  assert.equal(ago(null, 0), '');
  assert.equal(ms(0.0123), '12 ms');
  assert.equal(ms(undefined), '–');
});
