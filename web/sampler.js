// Looks at the frames of a video element as they are presented and makes a 16×9 luma thumbnail of each.

import { COLUMNS, PIXELS, ROWS } from './glass.js';

/** The browser scales to this many pixels per thumbnail pixel and side; the rest is averaged here. */
const FINE = 4;

/**
 * Calls back for each presented frame.
 *
 * @param {HTMLVideoElement} video
 * @param {() => boolean} wanted false: the frame is passed over, which costs next to nothing.
 * @param {(frame: {capturedMs: number, displayedMs: number, luma: Float32Array}) => void} onFrame times in milliseconds
 *   of `performance.now()`; `capturedMs` is the camera's where the browser tells it, else the time of presentation.
 */
export function watchFrames(video, wanted, onFrame) {
  if (!video.requestVideoFrameCallback) return;
  const canvas = document.createElement('canvas');
  canvas.width = COLUMNS * FINE;
  canvas.height = ROWS * FINE;
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  context.imageSmoothingQuality = 'medium';
  const onPresented = (_now, { captureTime, presentationTime, expectedDisplayTime }) => {
    if (wanted()) {
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      onFrame({ capturedMs: captureTime ?? presentationTime, displayedMs: expectedDisplayTime, luma: thumbnail(data) });
    }
    video.requestVideoFrameCallback(onPresented);
  };
  video.requestVideoFrameCallback(onPresented);
}

/** Mean luma (BT.601) of blocks of RGBA pixels. */
function thumbnail(rgba) {
  const luma = new Float32Array(PIXELS);
  const width = COLUMNS * FINE;
  for (let y = 0; y < ROWS * FINE; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = 4 * (y * width + x);
      const cell = Math.trunc(y / FINE) * COLUMNS + Math.trunc(x / FINE);
      luma[cell] += 0.299 * rgba[at] + 0.587 * rgba[at + 1] + 0.114 * rgba[at + 2];
    }
  }
  for (let i = 0; i < PIXELS; i += 1) luma[i] /= FINE * FINE;
  return luma;
}
