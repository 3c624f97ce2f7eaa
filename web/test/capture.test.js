import assert from 'node:assert/strict';
import { test } from 'node:test';

/** Devices that open when the test says so. */
function devices() {
  const asked = [];
  globalThis.MediaStream = class {
    tracks = [];
    addTrack(track) {
      this.tracks.push(track);
    }
    removeTrack(track) {
      this.tracks = this.tracks.filter((other) => other !== track);
    }
  };
  const getUserMedia = () => new Promise((resolve, reject) => asked.push({ resolve, reject }));
  Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices: { getUserMedia } }, configurable: true });
  const track = (name) => ({ name, stopped: false, stop() { this.stopped = true; } });
  return { asked, track };
}

const { Capture } = await import('../capture.js');

test('the last choice is sent, whichever device opens first', async () => {
  for (const open of ['openVideo', 'openAudio']) {
    const { asked, track } = devices();
    const capture = new Capture(() => {});
    const [slow, quick] = [track('slow'), track('quick')];
    const first = capture[open]('slow');
    const second = capture[open]('quick');
    asked[1].resolve({ getTracks: () => [quick] });
    assert.equal(await second, quick);
    asked[0].resolve({ getTracks: () => [slow] });
    assert.equal(await first, null);
    assert.deepEqual(capture.stream.tracks, [quick]);
    assert.deepEqual([slow.stopped, quick.stopped], [true, false]);
  }
});

test('a choice that was overtaken does not fail any more', async () => {
  const { asked, track } = devices();
  const capture = new Capture(() => {});
  const first = capture.openVideo('gone');
  const second = capture.openVideo('there');
  asked[0].reject({ name: 'NotFoundError', message: 'gone' });
  asked[1].resolve({ getTracks: () => [track('there')] });
  assert.equal(await first, null);
  assert.equal((await second).name, 'there');
  const third = capture.openVideo('gone');
  asked[2].reject({ name: 'NotFoundError', message: 'gone' });
  await assert.rejects(third, { name: 'CaptureError', reason: 'NotFoundError' });
});

test('a choice that was overtaken ends when the one in its place is open or has failed', async () => {
  const { asked, track } = devices();
  const capture = new Capture(() => {});
  const first = capture.openVideo('camera');
  const second = capture.openVideo('camera');
  asked[0].resolve({ getTracks: () => [track('first')] });
  let ended = false;
  const overtaken = first.then(() => (ended = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ended, false);
  asked[1].resolve({ getTracks: () => [track('second')] });
  await second;
  await overtaken;
  assert.deepEqual(capture.stream.tracks.map(({ name }) => name), ['second']);

  const third = capture.openVideo('camera');
  const fourth = capture.openVideo('gone');
  asked[2].resolve({ getTracks: () => [track('third')] });
  asked[3].reject({ name: 'NotFoundError', message: 'gone' });
  await assert.rejects(fourth, { reason: 'NotFoundError' });
  assert.equal(await third, null);
});
