// Writes a clip whose every frame and second can be recognised after a lossy codec, as Chromium takes it for camera and
// microphone: a person before a striped wall, with the frame's number as a barcode in the top ninth; a quiet 440 Hz tone
// with a loud 1 kHz beep of 100 ms at the start of every second.

import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Small enough that a machine of one slow core sends, processes, receives and reads it in real time. */
export const WIDTH = 640;
export const HEIGHT = 360;
export const FRAME_RATE = 30;

/** Frames before the clip begins again. Five seconds: longer than any latency, so that a number is never ambiguous. */
export const FRAMES = 150;

const BARCODE_ROWS = HEIGHT / 9;
const STRIPE = 8;

/** Where the person's middle is in a frame, as a part of the width. One walk to and fro per turn of the clip. */
export const personAt = (number) => 0.5 + 0.1 * Math.sin((2 * Math.PI * number) / FRAMES);

/** Rectangles, in parts of the picture, that lie wholly on the wall and wholly on the person's body. */
export const regionsAt = (number) => ({
  background: { x: 0.02, y: 0.55, width: 0.14, height: 0.35 },
  foreground: { x: personAt(number) - 0.06, y: 0.66, width: 0.12, height: 0.22 },
});

/**
 * Writes the pair of files.
 *
 * @returns {{y4m: string, wav: string, remove: () => void}}
 */
export function writeClip() {
  const folder = mkdtempSync(join(tmpdir(), 'clip-'));
  const clip = { y4m: join(folder, 'clip.y4m'), wav: join(folder, 'clip.wav'), remove: () => rmSync(folder, { recursive: true }) };
  writeFile(clip.y4m, (write) => {
    write(Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAME_RATE}:1 Ip A1:1 C420mpeg2\n`));
    const wall = drawWall();
    for (let number = 0; number < FRAMES; number += 1) {
      write(Buffer.from('FRAME\n'));
      write(drawFrame(wall, number));
    }
  });
  writeFile(clip.wav, (write) => write(soundFile(FRAMES / FRAME_RATE)));
  return clip;
}

function writeFile(path, body) {
  const file = openSync(path, 'w');
  body((buffer) => {
    for (let written = 0; written < buffer.length; ) written += writeSync(file, buffer, written);
  });
  closeSync(file);
}

/** An I420 picture. */
class Picture {
  constructor(source = null) {
    this.bytes = source ? Buffer.from(source.bytes) : Buffer.alloc((WIDTH * HEIGHT * 3) / 2, 128);
  }

  /** Fills part of a row of luma, and of the chroma rows on even ones. */
  span(row, from, to, luma, u = 128, v = 128) {
    const left = Math.max(0, Math.round(from));
    const right = Math.min(WIDTH, Math.round(to));
    if (right <= left) return;
    this.bytes.fill(luma, row * WIDTH + left, row * WIDTH + right);
    if (row % 2) return;
    const plane = WIDTH * HEIGHT;
    const start = (row / 2) * (WIDTH / 2) + (left >> 1);
    const end = (row / 2) * (WIDTH / 2) + (right >> 1);
    this.bytes.fill(u, plane + start, plane + end);
    this.bytes.fill(v, plane * 1.25 + start, plane * 1.25 + end);
  }
}

function drawWall() {
  const wall = new Picture();
  for (let row = BARCODE_ROWS; row < HEIGHT; row += 1) {
    for (let x = 0; x < WIDTH; x += STRIPE) wall.span(row, x, x + STRIPE, (x / STRIPE) % 2 ? 90 : 140, 140, 118);
  }
  return wall;
}

function drawFrame(wall, number) {
  const frame = new Picture(wall);
  const middle = Math.round(personAt(number) * WIDTH);
  for (let row = BARCODE_ROWS; row < HEIGHT; row += 1) {
    const head = half(row, HEIGHT * 0.38, HEIGHT * 0.16, HEIGHT * 0.125);
    if (head > 0) frame.span(row, middle - head, middle + head, 180, 110, 150);
    const body = row > HEIGHT * 0.52 ? half(row, HEIGHT, HEIGHT * 0.48, WIDTH * 0.14) : 0;
    // The stripes of the shirt move with it.
    for (let x = -body; x < body; x += STRIPE) {
      const stripe = Math.round((x + body) / STRIPE) % 2;
      frame.span(row, middle + x, middle + Math.min(x + STRIPE, body), stripe ? 60 : 200, 100, 170);
    }
  }
  const bits = [1, 0, ...Array.from({ length: 12 }, (_, i) => (number >> (11 - i)) & 1), 0, 1];
  for (let row = 0; row < BARCODE_ROWS; row += 1) {
    bits.forEach((bit, i) => frame.span(row, (i * WIDTH) / 16, ((i + 1) * WIDTH) / 16, bit ? 235 : 16));
  }
  return frame.bytes;
}

/** Half the width of an ellipse at a row, rounded to whole stripes' pixels. */
function half(row, centre, height, width) {
  const part = 1 - ((row - centre) / height) ** 2;
  return part > 0 ? Math.round(width * Math.sqrt(part)) : 0;
}

function soundFile(seconds) {
  const rate = 48_000;
  const samples = Buffer.alloc(rate * seconds * 2);
  for (let i = 0; i < rate * seconds; i += 1) {
    const t = i / rate;
    const beep = t % 1 < 0.1;
    samples.writeInt16LE(Math.round(32_767 * (beep ? 0.6 * Math.sin(2000 * Math.PI * t) : 0.05 * Math.sin(880 * Math.PI * t))), 2 * i);
  }
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
}
