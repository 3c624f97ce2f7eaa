// Injected into pages: reads what the tracks of a stream show and sound like. Independent of the page's own
// modules, so that it checks them too.

/**
 * Frame number in the top ninth of a picture (see clip.mjs), or null. `cells` are the levels of its 16 cells.
 *
 * A cell that has just changed is background to the pipeline for one frame, and blurred into its neighbours: one that was
 * lit is seen with half of its light and more, one that went out with a third and less. What is between makes the number
 * unreadable, never another number.
 */
const numberOf = (cells) => {
  const [dark, bright] = [Math.min(...cells), Math.max(...cells)];
  if (bright - dark < 60) return null;
  const levels = cells.map((level) => (level - dark) / (bright - dark));
  if (levels.some((level) => level > 0.38 && level < 0.48)) return null;
  const bits = levels.map((level) => (level > 0.43 ? 1 : 0));
  if (bits[0] !== 1 || bits[1] !== 0 || bits[14] !== 0 || bits[15] !== 1) return null;
  return parseInt(bits.slice(2, 14).join(''), 2);
};

/** Mean difference of neighbours along the rows inside a rectangle given in parts of the picture: how sharp it is. */
const sharpness = (image, { x, y, width, height }) => {
  const left = Math.round(x * image.width);
  const top = Math.round(y * image.height);
  const right = left + Math.round(width * image.width);
  const bottom = top + Math.round(height * image.height);
  let sum = 0;
  for (let row = top; row < bottom; row += 1) {
    for (let column = left; column + 1 < right; column += 1) {
      const at = 4 * (row * image.width + column);
      sum += Math.abs(image.data[at + 1] - image.data[at + 5]);
    }
  }
  return sum / ((bottom - top) * (right - left - 1));
};

/**
 * Collects one entry per frame of a video track, whether it gets onto the screen or not: its number, size, mean colour (red,
 * green and blue) and luma below the barcode, and now and then the sharpness of regions.
 *
 * @param {MediaStream} stream
 * @param {object[]} [regions] rectangles to measure, by the frame's number.
 * @returns {object[] & {stop: () => void}}
 */
globalThis.collectFrames = (stream, regions = null) => {
  const frames = [];
  const [track] = stream.getVideoTracks();
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  frames.stop = () => reader.cancel();
  const small = new OffscreenCanvas(64, 36).getContext('2d', { willReadFrequently: true });
  const look = (frame) => {
    const { displayWidth: width, displayHeight: height } = frame;
    small.drawImage(frame, 0, 0, 64, 36);
    const { data } = small.getImageData(0, 0, 64, 36);
    const lumaAt = (row, column) => {
      const at = 4 * (row * 64 + column);
      return 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    };
    // Of a cell's 4 by 4 points those where a blur takes least: in its middle, at the picture's edge.
    const middle = (i) => [lumaAt(0, 4 * i + 1), lumaAt(0, 4 * i + 2), lumaAt(1, 4 * i + 1), lumaAt(1, 4 * i + 2)];
    const cells = Array.from({ length: 16 }, (_, i) => middle(i).reduce((total, level) => total + level) / 4);
    const below = data.subarray(4 * 4 * 64);
    const mean = [0, 1, 2].map((part) => below.reduce((sum, value, i) => (i % 4 === part ? sum + value : sum), 0) / (32 * 64));
    const [red, green, blue] = mean;
    const number = numberOf(cells);
    const entry = { number, width, height, mean, meanLuma: 0.299 * red + 0.587 * green + 0.114 * blue };
    if (regions?.[number] && frames.length % 10 === 0) {
      const full = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
      full.drawImage(frame, 0, 0, width, height);
      const image = full.getImageData(0, 0, width, height);
      entry.sharpness = Object.fromEntries(Object.entries(regions[number]).map(([name, region]) => [name, sharpness(image, region)]));
    }
    frames.push(entry);
  };
  (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      look(value);
      value.close();
    }
  })();
  return frames;
};

const BLOCK = 480;

/** Pieces of sound, of 10 ms, that wait for a page which is held up: nothing is lost on the way to the test. */
const HELD_SOUND = 1000;

/** Part of a block's energy at a frequency (Goertzel), 0 to 1, and the block's level. */
const tonality = (samples, hz, rate) => {
  const turn = 2 * Math.cos((2 * Math.PI * hz) / rate);
  let a = 0;
  let b = 0;
  let energy = 0;
  for (const sample of samples) {
    const next = sample + turn * a - b;
    b = a;
    a = next;
    energy += sample * sample;
  }
  const power = a * a + b * b - turn * a * b;
  return { part: energy > 1e-9 ? (2 * power) / (samples.length * energy) : 0, rms: Math.sqrt(energy / samples.length) };
};

/**
 * Collects one entry per 10 ms of sound: level, and how much of it is the beep's 1 kHz and the tone's 440 Hz.
 *
 * @param {MediaStream} stream
 */
globalThis.collectSound = (stream) => {
  const blocks = [];
  const [track] = stream.getAudioTracks();
  const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: HELD_SOUND }).readable.getReader();
  let kept = new Float32Array(0);
  const look = (data) => {
    const samples = new Float32Array(kept.length + data.numberOfFrames);
    samples.set(kept);
    data.copyTo(samples.subarray(kept.length), { planeIndex: 0, format: 'f32-planar' });
    let at = 0;
    for (; at + BLOCK <= samples.length; at += BLOCK) {
      const block = samples.subarray(at, at + BLOCK);
      const beep = tonality(block, 1000, data.sampleRate);
      blocks.push({ rms: beep.rms, beep: beep.part, tone: tonality(block, 440, data.sampleRate).part });
    }
    kept = samples.slice(at);
  };
  (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      look(value);
      value.close();
    }
  })();
  return blocks;
};
