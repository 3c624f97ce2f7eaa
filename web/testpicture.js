// A source for those who have no camera or do not want to show themselves: a picture with a numbered barcode, fine
// lines for a blur to act on and a figure that moves before them; and a tone with a beep each second.

import { HEIGHT, barcodeCells, CELLS } from './barcode.js';

const WIDTH = 1280;
const ROWS = 720;
const FRAME_RATE = 30;

/** A quiet 440 Hz tone, and a 1 kHz beep of 100 ms at the start of every second. */
const TONE = { hz: 440, level: 0.05 };
const BEEP = { hz: 1000, level: 0.6, seconds: 0.1 };

/**
 * Starts the test picture.
 *
 * @param {import('./timers.js').SteadyTimers['every']} every keeps its pace also while the page is hidden.
 * @returns {{track: MediaStreamTrack, stop: () => void}}
 */
export function startTestPicture(every) {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = ROWS;
  const context = canvas.getContext('2d', { alpha: false });
  const backdrop = drawBackdrop();
  const started = performance.now();
  let number = 0;
  const draw = () => {
    context.drawImage(backdrop, 0, 0);
    drawBarcode(context, number);
    drawFigure(context, (performance.now() - started) / 1000, number);
    number += 1;
  };
  draw();
  const [track] = canvas.captureStream(FRAME_RATE).getVideoTracks();
  const stopDrawing = every(1000 / FRAME_RATE, draw);
  return {
    track,
    stop() {
      stopDrawing();
      track.stop();
    },
  };
}

/**
 * Starts the tone with its beep, or silence.
 *
 * @param {AudioContext} context
 * @param {boolean} audible false: a track of silence.
 * @returns {{track: MediaStreamTrack, stop: () => void}}
 */
export function startTestTone(context, audible) {
  const output = context.createMediaStreamDestination();
  const rate = context.sampleRate;
  const second = context.createBuffer(1, rate, rate);
  const samples = second.getChannelData(0);
  for (let i = 0; audible && i < rate; i += 1) {
    const { hz, level } = i < BEEP.seconds * rate ? BEEP : TONE;
    samples[i] = level * Math.sin((2 * Math.PI * hz * i) / rate);
  }
  const source = new AudioBufferSourceNode(context, { buffer: second, loop: true });
  source.connect(output);
  source.start();
  const [track] = output.stream.getAudioTracks();
  return {
    track,
    stop() {
      source.stop();
      track.stop();
    },
  };
}

/** What stands still: a grid of lines with steps of fineness, so that a blur shows how far it reaches. */
function drawBackdrop() {
  const canvas = new OffscreenCanvas(WIDTH, ROWS);
  const context = canvas.getContext('2d', { alpha: false });
  const sky = context.createLinearGradient(0, 0, 0, ROWS);
  sky.addColorStop(0, '#1c3b4a');
  sky.addColorStop(1, '#c9b58b');
  context.fillStyle = sky;
  context.fillRect(0, 0, WIDTH, ROWS);
  context.fillStyle = 'rgb(255 255 255 / 55%)';
  for (let column = 0; column < 8; column += 1) {
    const pitch = 4 + 4 * column;
    for (let x = 0; x < 140; x += pitch) context.fillRect(column * 160 + 10 + x, 110, pitch / 2, 330);
  }
  context.fillStyle = 'rgb(0 0 0 / 45%)';
  for (let y = 470; y < ROWS; y += 12) context.fillRect(0, y, WIDTH, 2);
  context.font = '600 44px system-ui, sans-serif';
  context.fillStyle = '#10201c';
  context.fillText('RemoteMedia test picture', 60, 640);
  return canvas;
}

function drawBarcode(context, number) {
  const width = WIDTH / CELLS;
  barcodeCells(number).forEach((bright, i) => {
    context.fillStyle = bright ? '#fff' : '#000';
    context.fillRect(i * width, 0, width, ROWS * HEIGHT);
  });
}

/** What moves: a head and shoulders that walk to and fro, with sharp edges inside. */
function drawFigure(context, seconds, number) {
  const x = WIDTH / 2 + 380 * Math.sin(seconds * 0.7);
  const y = 330 + 12 * Math.sin(seconds * 5);
  context.fillStyle = '#a8402f';
  context.beginPath();
  context.ellipse(x, y + 330, 190, 210, 0, Math.PI, 0);
  context.fill();
  context.fillStyle = '#f1c9a5';
  context.beginPath();
  context.arc(x, y, 105, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = '#23160f';
  context.fillRect(x - 50, y - 30, 24, 24);
  context.fillRect(x + 26, y - 30, 24, 24);
  context.fillRect(x - 40, y + 40, 80, 8);
  context.fillStyle = '#fff';
  context.font = '600 56px ui-monospace, monospace';
  context.textAlign = 'center';
  context.fillText(String(number % 4096).padStart(4, '0'), x, y + 235);
  context.textAlign = 'start';
}
