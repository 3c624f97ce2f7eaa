import assert from 'node:assert/strict';
import { test } from 'node:test';

import { barcodeCells } from '../barcode.js';
import { COLUMNS, GlassMeter, MAX_NUMBERED_LATENCY_MS, PIXELS, ROWS, matchFilms } from '../glass.js';

const FRAME_MS = 1000 / 30;

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A bright patch that wanders over a patterned ground, as a person does before a wall. */
function scene(timeMs) {
  const luma = new Float32Array(PIXELS);
  const x = 8 + 4 * Math.sin(timeMs / 410) + 2 * Math.sin(timeMs / 173);
  const y = 4.5 + 1.2 * Math.sin(timeMs / 290);
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      const near = Math.exp(-((column - x) ** 2) / 6 - (row - y) ** 2 / 4);
      luma[row * COLUMNS + column] = 60 + 30 * ((column + row) % 2) + 90 * near;
    }
  }
  return luma;
}

/** What a pipeline does to it: the ground smoothed, contrast and brightness changed, noise added. */
function processed(luma, random) {
  return luma.map((value, i) => {
    const column = i % COLUMNS;
    const left = luma[column === 0 ? i : i - 1];
    const right = luma[column === COLUMNS - 1 ? i : i + 1];
    return 20 + 0.8 * ((left + 2 * value + right) / 4) + 4 * (random() - 0.5);
  });
}

function films({ latencyMs, jitterMs = 0, noise = 1, still = false, keep = () => true }) {
  const random = randomFrom(7);
  const sent = [];
  const returned = [];
  for (let i = 0; i < 100; i += 1) {
    const timeMs = i * FRAME_MS;
    const luma = scene(still ? 0 : timeMs).map((value) => value + noise * (random() - 0.5));
    sent.push({ timeMs, luma });
    const back = timeMs + latencyMs + jitterMs * (random() - 0.5);
    if (back > 1800 && back < 3300 && keep(i)) returned.push({ timeMs: back, luma: processed(luma, random) });
  }
  return [sent, returned];
}

test('films are matched within a few milliseconds, blurred, tinted and noisy', () => {
  for (const latencyMs of [12, 61, 140, 333, 900]) {
    const match = matchFilms(...films({ latencyMs }));
    assert.ok(match, `no match at ${latencyMs} ms`);
    assert.ok(Math.abs(match.latencyMs - latencyMs) < 6, `${match.latencyMs} instead of ${latencyMs} ms`);
  }
});

test('jitter and lost frames do not mislead the match', () => {
  const match = matchFilms(...films({ latencyMs: 120, jitterMs: 20, keep: (i) => i % 3 !== 0 }));
  assert.ok(Math.abs(match.latencyMs - 120) < 12, `${match?.latencyMs} ms`);
});

test('a picture in which nothing moves is not matched', () => {
  assert.equal(matchFilms(...films({ latencyMs: 80, still: true })), null);
});

test('a different film is not matched', () => {
  const [sent] = films({ latencyMs: 80 });
  const random = randomFrom(3);
  const returned = Array.from({ length: 40 }, (_, i) => ({
    timeMs: 1900 + i * FRAME_MS,
    luma: Float32Array.from({ length: PIXELS }, () => 255 * random()),
  }));
  assert.equal(matchFilms(sent, returned), null);
});

test('a latency beyond what the sent film covers is not guessed', () => {
  const [sent, returned] = films({ latencyMs: 900 });
  const recent = sent.filter((frame) => frame.timeMs > returned[0].timeMs - 500);
  assert.equal(matchFilms(recent, returned), null);
});

test('films that have only begun are not matched', () => {
  const [sent, returned] = films({ latencyMs: 80 });
  assert.equal(matchFilms([], []), null);
  assert.equal(matchFilms(sent, returned.slice(0, 9)), null);
  assert.equal(matchFilms(sent.slice(0, 9), returned), null);
});

/** A thumbnail with a barcode over the scene. */
function numbered(number, timeMs) {
  const luma = scene(timeMs);
  barcodeCells(number).forEach((cell, i) => {
    luma[i] = cell ? 235 : 16;
  });
  return luma;
}

/** Runs frames through a meter in the order of time. */
function run(events) {
  const meter = new GlassMeter();
  events.sort((a, b) => a.timeMs - b.timeMs);
  for (const { kind, timeMs, luma } of events) meter[kind](timeMs, luma);
  return meter.report(events.at(-1).timeMs);
}

test('frame numbers give the latency of each frame', () => {
  const events = [];
  for (let i = 0; i < 100; i += 1) {
    const timeMs = i * FRAME_MS;
    const latencyMs = i % 10 === 0 ? 90 : 50;
    events.push({ kind: 'sent', timeMs, luma: numbered(4090 + i, timeMs) });
    events.push({ kind: 'returned', timeMs: timeMs + latencyMs, luma: numbered(4090 + i, timeMs) });
  }
  const report = run(events);
  assert.equal(report.method, 'barcode');
  assert.equal(Math.round(report.p50Ms), 50);
  assert.equal(Math.round(report.p95Ms), 90);
  assert.equal(report.samples, 100);
});

test('a frame shown twice counts once, at its first showing', () => {
  const events = [];
  for (let i = 0; i < 60; i += 1) {
    const timeMs = i * FRAME_MS;
    events.push({ kind: 'sent', timeMs, luma: numbered(i, timeMs) });
    events.push({ kind: 'returned', timeMs: timeMs + 40, luma: numbered(i, timeMs) });
    events.push({ kind: 'returned', timeMs: timeMs + 56, luma: numbered(i, timeMs) });
  }
  const report = run(events);
  assert.equal(report.samples, 60);
  assert.equal(Math.round(report.p95Ms), 40);
});

test('frames that a busy page did not see leave are matched by those around them', () => {
  const events = [];
  for (let i = 0; i < 60; i += 1) {
    const timeMs = i * FRAME_MS;
    if (i % 2 === 0) events.push({ kind: 'sent', timeMs, luma: numbered(4000 + i, timeMs) });
    else events.push({ kind: 'returned', timeMs: timeMs + 80, luma: numbered(4000 + i, timeMs) });
  }
  const report = run(events.sort((a, b) => a.timeMs - b.timeMs));
  assert.equal(report.method, 'barcode');
  // None was seen after the last.
  assert.equal(report.samples, 29);
  assert.ok(Math.abs(report.p50Ms - 80) < 1, `${report.p50Ms} ms`);
});

test('of a clip that repeats, a frame that passed unseen is not taken for the same one a turn earlier', () => {
  const meter = new GlassMeter();
  const turn = 150;
  for (let i = 0; i < 2 * turn; i += 1) {
    const number = i % turn;
    // In the second turn every third frame passes unseen, and those around the place where the clip begins again.
    const unseen = i >= turn && (number % 3 === 1 || number < 2 || number >= turn - 2);
    if (!unseen) meter.sent(i * FRAME_MS, numbered(number));
    if (i >= turn + 10) meter.returned(i * FRAME_MS + 5, numbered((i - 6) % turn));
  }
  const report = meter.report(2 * turn * FRAME_MS);
  assert.equal(report.method, 'barcode');
  assert.ok(report.p95Ms < 250, `p95 ${report.p95Ms} ms`);
});

test('a still picture that looks like a barcode yields nothing', () => {
  const events = [];
  for (let i = 0; i < 200; i += 1) {
    const timeMs = i * FRAME_MS;
    events.push({ kind: 'sent', timeMs, luma: numbered(77, 0) });
    events.push({ kind: 'returned', timeMs: timeMs + 60, luma: numbered(77, 0) });
  }
  assert.equal(run(events).method, 'none');
});

test('without frame numbers the pictures are compared', () => {
  const events = [];
  for (let i = 0; i < 120; i += 1) {
    const timeMs = i * FRAME_MS;
    events.push({ kind: 'sent', timeMs, luma: scene(timeMs) });
    events.push({ kind: 'returned', timeMs: timeMs + 75, luma: scene(timeMs) });
  }
  const report = run(events);
  assert.equal(report.method, 'picture');
  assert.ok(Math.abs(report.p50Ms - 75) < 6, `${report.p50Ms} ms`);
  assert.equal(report.p95Ms, null);
});

test('a return later than the longest latency is left out', () => {
  for (const [latencyMs, samples] of [[MAX_NUMBERED_LATENCY_MS, 1], [MAX_NUMBERED_LATENCY_MS + 1, 0]]) {
    const meter = new GlassMeter();
    meter.sent(0, numbered(9, 0));
    meter.returned(latencyMs, numbered(9, 0));
    assert.equal(meter.report(latencyMs).samples, samples);
  }
});

test('clearing forgets all', () => {
  const meter = new GlassMeter();
  meter.sent(0, numbered(9, 0));
  meter.clear();
  meter.returned(50, numbered(9, 0));
  assert.equal(meter.report(50).method, 'none');
});
