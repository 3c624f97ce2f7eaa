// The whole product: `remotemedia serve` with a manifest, its page in Chromium, a clip whose frames and seconds can be
// recognised as camera and microphone, and what comes back.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { figures, launch, telling } from './chromium.mjs';
import { FRAMES, HEIGHT, WIDTH, regionsAt, writeClip } from './clip.mjs';
import { cuttableWay, startServe } from './product.mjs';

/** How long something may take to happen; a test fails after it, none waits for it to pass. */
const DEADLINE_MS = 180_000;

const FRAMES_TO_SEE = 150;
const BEEPS_TO_HEAR = 3;
const FRAMES_TO_COMPARE = 80;

/** Levels of 255 by which a mean colour may differ: what encoders and conversions round. */
const MOST_APART = 5;

let clip;
let browser;
let serve;
const contexts = [];

async function openPage(query, origin = serve.origin) {
  const context = await browser.newContext({ viewport: { width: 480, height: 900 } });
  contexts.push(context);
  context.setDefaultTimeout(DEADLINE_MS);
  await context.addInitScript({ path: fileURLToPath(new URL('reader.js', import.meta.url)) });
  // The rectangles to look at, for every frame of the clip.
  await context.addInitScript((regions) => (globalThis.regions = regions), Array.from({ length: FRAMES }, (_, i) => regionsAt(i)));
  const page = await context.newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.goto(`${origin}/?session=${serve.session}&${query}`);
  await page.locator('#server[data-state=connected]').waitFor();
  return page;
}

const status = (page, title) => page.locator('#status-title', { hasText: title }).waitFor();

async function startCall(page) {
  await page.waitForFunction(() => document.getElementById('sent-video').videoWidth > 0);
  await page.locator('#call').click();
  await status(page, 'Live');
}

/** Begins to read the pictures that are sent and those that come back. */
function readPictures(page) {
  return page.evaluate(() => {
    const stream = (name) => document.getElementById(`${name}-video`).srcObject;
    globalThis.sent = collectFrames(stream('sent'), regions);
    globalThis.returned = collectFrames(stream('returned'), regions);
  });
}

/** Begins to read the sound that comes back. */
function readSound(page) {
  return page.evaluate(() => {
    globalThis.sound = collectSound(document.getElementById('returned-video').srcObject);
  });
}

const collected = (page, name) => page.evaluate((key) => globalThis[key], name);

/** Frame numbers that go on counting where the clip begins again; null stays null. */
function unwrapped(frames) {
  let turns = 0;
  let last = null;
  return frames.map(({ number }) => {
    if (number === null) return null;
    if (last !== null && number < last - FRAMES / 2) turns += 1;
    last = number;
    return turns * FRAMES + number;
  });
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.trunc(values.length / 2)];

/** Beeps: when each began and how long it was, in seconds of sound. */
function beepsOf(blocks) {
  const beeps = [];
  blocks.forEach(({ rms, beep }, i) => {
    if (rms < 0.1 || beep < 0.7) return;
    const last = beeps.at(-1);
    // What the codec smeared or a jitter buffer stretched does not end a beep: the next is a second away.
    if (last && i - last.end <= 40) last.end = i;
    else beeps.push({ start: i, end: i });
  });
  return beeps.map(({ start, end }) => ({ at: start / 100, seconds: (end - start + 1) / 100 }));
}

/** A test that tells what the pages showed and the product printed where it fails. */
const story = (title, body) =>
  test(title, async (t) => {
    try {
      await telling(t, () => body(t), () => contexts);
    } catch (error) {
      t.diagnostic(serve.output());
      throw error;
    }
  });

describe('a browser sends a clip through the background blur', () => {
  before(async () => {
    clip = writeClip();
    browser = await launch({ camera: clip });
    serve = await startServe();
  });
  after(async () => {
    await browser?.close();
    await serve?.stop();
    clip?.remove();
  });
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map((context) => context.close()));
  });

  story('frames come back in order, the wall blurred and the person sharp', async (t) => {
    const page = await openPage('name=ana');
    await startCall(page);
    await readPictures(page);
    await page.waitForFunction((count) => returned.filter(({ number }) => number !== null).length >= count, FRAMES_TO_SEE);
    const [sent, returned] = [await collected(page, 'sent'), await collected(page, 'returned')];
    assert.ok(returned.every(({ width, height }) => width === WIDTH && height === HEIGHT), 'frames return in the size in which they were sent');

    const numbers = unwrapped(returned).filter((number) => number !== null);
    assert.ok(numbers.length >= 0.95 * returned.length, `${returned.length - numbers.length} of ${returned.length} frames are unreadable`);
    for (let i = 1; i < numbers.length; i += 1) {
      // Where the clip begins again, Chromium's camera shows its first picture twice.
      const again = numbers[i] === numbers[i - 1] && numbers[i] % FRAMES === 0;
      assert.ok(numbers[i] > numbers[i - 1] || again, `frame ${numbers[i]} after ${numbers[i - 1]}`);
    }
    const span = numbers.at(-1) - numbers[0] + 1;
    t.diagnostic(`${numbers.length} of ${span} frames came back, in order`);

    // Compared with each other, as the encoder's own blur at a low bitrate takes from both.
    const sharpness = (frames, name) => median(frames.filter((frame) => frame.sharpness).map((frame) => frame.sharpness[name]));
    const kept = (name) => sharpness(returned.slice(30), name) / sharpness(sent, name);
    const [wall, person] = [kept('background'), kept('foreground')];
    t.diagnostic(`of its sharpness the wall keeps ${wall.toFixed(2)}, the person ${person.toFixed(2)}`);
    assert.ok(wall < 0.6 * person, `the wall keeps ${wall.toFixed(2)} of its sharpness, the person ${person.toFixed(2)}`);
  });

  story('colours come back as they were sent, whatever the source says of them', async (t) => {
    const page = await openPage('name=amir');
    await startCall(page);
    // A camera says limited range and BT.601, a canvas full range and BT.709.
    for (const source of ['camera', 'test']) {
      if (source === 'test') {
        const shown = () => document.getElementById('sent-video').srcObject.id;
        const camera = await page.evaluate(shown);
        await page.selectOption('#video-source', 'test');
        await page.waitForFunction((id) => document.getElementById('sent-video').srcObject.id !== id, camera);
      }
      await readPictures(page);
      await page.waitForFunction((count) => returned.length >= count && sent.length >= count, FRAMES_TO_COMPARE);
      // The first ones may be of the source before.
      const colours = async (name) => (await collected(page, name)).slice(-FRAMES_TO_COMPARE / 2).map(({ mean }) => mean);
      const middle = (means) => [0, 1, 2].map((part) => median(means.map((mean) => mean[part])));
      const [went, came] = [middle(await colours('sent')), middle(await colours('returned'))];
      t.diagnostic(`${source}: ${went.map(Math.round)} went, ${came.map(Math.round)} came back`);
      const apart = went.map((part, i) => Math.abs(part - came[i]));
      assert.ok(Math.max(...apart) < MOST_APART, `${source}: ${went} went, ${came} came back`);
    }
  });

  story('sound comes back: a beep each second, and the tone between them', async () => {
    const page = await openPage('name=ben');
    await startCall(page);
    await readSound(page);
    await page.waitForFunction((seconds) => sound.length > 100 * seconds, BEEPS_TO_HEAR + 3);
    // The first second may hold the start of the stream.
    const blocks = (await collected(page, 'sound')).slice(100);
    const beeps = beepsOf(blocks).slice(0, BEEPS_TO_HEAR + 1);
    assert.ok(beeps.length >= BEEPS_TO_HEAR, `${beeps.length} beeps`);
    // Medians: on a busy machine the jitter buffer stretches one gap or other.
    const gap = median(beeps.slice(1).map(({ at }, i) => at - beeps[i].at));
    assert.ok(Math.abs(gap - 1) < 0.1, `${gap} s from beep to beep`);
    const length = median(beeps.map(({ seconds }) => seconds));
    assert.ok(length > 0.02 && length < 0.2, `beeps of ${length} s`);
    const between = blocks.filter(({ beep }) => beep < 0.3);
    assert.ok(median(between.map(({ tone }) => tone)) > 0.6, 'the 440 Hz tone fills the time between the beeps');
  });

  story('the page shows its figures, by H264 and Opus', async () => {
    const page = await openPage('name=carla');
    await startCall(page);
    await figures(page, {
      'latency-how': /exact/,
      latency: /^\d+/,
      'f-p50': /^[\d.]+ ms$/,
      'f-p95': /^[\d.]+ ms$/,
      'f-rtt': /^[\d.]+ ms$/,
      'f-sent-codec': /^H264, opus$/,
      'f-returned-codec': /^H264, opus$/,
      'f-sent-rate': /\d/,
      'f-returned-rate': /\d/,
      'f-sent-video': /\d/,
      'f-returned-video': /\d/,
      'f-sent-audio': /\d/,
      'f-returned-audio': /\d/,
      'f-returned-size': /^\d+×\d+$/,
      'f-returned-loss': /\d/,
      'f-jitter': /\d/,
      'f-buffer': /\d/,
    });
    assert.match(await page.locator('#peers').innerText(), /pipeline · connected/);
  });

  story('a call ends, and another one begins on the same page', async () => {
    const page = await openPage('name=dora');
    for (let round = 0; round < 2; round += 1) {
      await startCall(page);
      await page.waitForFunction(() => document.getElementById('returned-video').videoWidth > 0);
      await page.locator('#call').click();
      await status(page, 'Ready');
    }
  });

  story('a second tab with the same name is refused and offered another', async () => {
    const first = await openPage('name=emil');
    await startCall(first);
    const second = await openPage('name=emil');
    await second.locator('#call').click();
    await status(second, '“emil” is taken');
    await second.locator('#status-actions button', { hasText: 'Join as emil-2' }).click();
    await status(second, 'Live');
    await status(first, 'Live');
  });

  story('a way to the server that breaks ends no call: the page takes its place again', async (t) => {
    const way = await cuttableWay(serve.origin);
    try {
      const page = await openPage('name=gerd', way.origin);
      await startCall(page);
      await page.waitForFunction(() => document.getElementById('returned-video').videoWidth > 0);
      way.cut();
      await status(page, /Server lost|Interrupted|Connection lost/);
      way.mend();
      await page.locator('#log', { hasText: 'back in session' }).waitFor();
      // On the screen, as a pipeline that gave the call up is called anew.
      await page.evaluate(() => {
        const video = document.getElementById('returned-video');
        globalThis.shown = 0;
        const count = () => {
          shown += 1;
          video.requestVideoFrameCallback(count);
        };
        video.requestVideoFrameCallback(count);
      });
      await page.waitForFunction(() => shown >= 60);
      await status(page, 'Live');
      t.diagnostic(`called ${await page.locator('#log li', { hasText: /calling/ }).count()} times`);
      assert.equal(await page.locator('#name').inputValue(), 'gerd');
    } finally {
      way.close();
    }
  });

  story('a server that goes is named, and the call resumes when it is back', async () => {
    const page = await openPage('name=fritz');
    await startCall(page);
    const { port } = new URL(serve.origin);
    assert.equal(await serve.stop(), 0, serve.output());
    await status(page, /Server (lost|not reached)|Connection lost/);
    serve = await startServe({ listen: `127.0.0.1:${port}` });
    await status(page, 'Live');
    await page.evaluate(() => (globalThis.again = collectFrames(document.getElementById('returned-video').srcObject)));
    await page.waitForFunction(() => again.filter(({ number }) => number !== null).length >= 10);
  });
});
