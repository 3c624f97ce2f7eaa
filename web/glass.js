// Glass-to-glass latency: how long a frame takes from the camera's capture to the display of what came back.
// Two ways, both from the pictures themselves, neither draws on them:
//   barcode  the media carries frame numbers (a test picture or clip): every returned frame is matched exactly;
//   picture  the 16×9 luma of sent and returned frames is compared as two films: the shift that fits best.
// Pure: times come in as arguments, in milliseconds of one clock.

import { CELLS, NUMBERS, readBarcode } from './barcode.js';

/** Columns and rows of a luma thumbnail. Its first row is exactly the barcode. */
export const COLUMNS = CELLS;
export const ROWS = 9;
export const PIXELS = COLUMNS * ROWS;

/** A latency above this is not looked for by comparing pictures. */
export const MAX_LATENCY_MS = 1500;

/** A latency above this is not looked for by frame numbers, which cost next to nothing to remember. */
export const MAX_NUMBERED_LATENCY_MS = 10_000;

/** Sent and returned frames are remembered this long: one latency and one window. */
const MEMORY_MS = MAX_LATENCY_MS + 1500;

/** The film of returned frames that is compared in one go. */
const WINDOW_MS = 1500;

/** Shifts are tried in steps of this; a quarter of a frame at 30 frames/s. */
const STEP_MS = 8;

/** Fewer returned frames than this say nothing. */
const MIN_FRAMES = 10;

/** Mean variance over time of a thumbnail pixel below which nothing moves that could be matched (luma levels²). */
const MIN_ACTIVITY = 1;

/** A match must correlate at least this well, and stand out by this much from shifts well beside it. */
const MIN_CORRELATION = 0.8;
const MIN_PROMINENCE = 0.04;
const BESIDE_MS = 120;

/** A source that shows one and the same number for this long carries no barcode, it merely looks like one. */
const STUCK_MS = 500;

/** So many frames of the source may pass unseen between two that were: a busy page sees every second or third. */
const MAX_UNSEEN = 3;

/** Percentiles are taken over this much time. */
const REPORT_MS = 5000;

/** Mean luma of the barcode's cells in a thumbnail. */
const barcodeOf = (luma) => readBarcode(luma.subarray(0, CELLS));

/** Collects sent and returned frames and says how far apart they are. */
export class GlassMeter {
  #sent = [];
  #returned = [];
  #sentNumbers = new Map();
  #lastNumber = null;
  #lastNumberMs = -Infinity;
  #lastReturned = null;
  #values = [];
  #method = 'none';

  /**
   * A frame left the camera.
   *
   * @param {number} timeMs when it was captured.
   * @param {Float32Array} luma 16×9 thumbnail, row by row.
   */
  sent(timeMs, luma) {
    this.#sent.push({ timeMs, luma });
    forget(this.#sent, timeMs - MEMORY_MS);
    const number = barcodeOf(luma);
    if (number === null || number === this.#lastNumber) return;
    this.#forgetPassed(this.#lastNumber, number);
    this.#lastNumber = number;
    this.#lastNumberMs = timeMs;
    this.#sentNumbers.set(number, timeMs);
    for (const [old, sentMs] of this.#sentNumbers) {
      if (sentMs >= timeMs - MAX_NUMBERED_LATENCY_MS) break;
      this.#sentNumbers.delete(old);
    }
  }

  /**
   * A frame came back.
   *
   * @param {number} timeMs when it is displayed.
   * @param {Float32Array} luma 16×9 thumbnail, row by row.
   */
  returned(timeMs, luma) {
    this.#returned.push({ timeMs, luma });
    forget(this.#returned, timeMs - WINDOW_MS);
    if (timeMs - this.#lastNumberMs > STUCK_MS + MAX_NUMBERED_LATENCY_MS) return;
    const number = barcodeOf(luma);
    // One value per number: a frame shown twice counts once.
    if (number === null || number === this.#lastReturned) return;
    this.#lastReturned = number;
    const sentMs = this.#sentMs(number);
    if (sentMs === undefined) return;
    const latencyMs = timeMs - sentMs;
    if (latencyMs >= 0 && latencyMs <= MAX_NUMBERED_LATENCY_MS) this.#add('barcode', timeMs, latencyMs);
  }

  /**
   * The latency of the last five seconds.
   *
   * @param {number} nowMs
   * @returns {{method: 'barcode' | 'picture' | 'none', p50Ms: number | null, p95Ms: number | null, samples: number}}
   *   p95 is null for `picture`, which yields one mean a second and no single frames.
   */
  report(nowMs) {
    const exact = this.#method === 'barcode' && this.#values.at(-1)?.timeMs > nowMs - WINDOW_MS;
    if (!exact) {
      const match = matchFilms(this.#sent, this.#returned);
      if (match) this.#add('picture', nowMs, match.latencyMs);
    }
    forget(this.#values, nowMs - REPORT_MS);
    const sorted = this.#values.map((value) => value.latencyMs).sort((a, b) => a - b);
    if (sorted.length === 0) return { method: 'none', p50Ms: null, p95Ms: null, samples: 0 };
    return {
      method: this.#method,
      p50Ms: percentile(sorted, 0.5),
      p95Ms: this.#method === 'barcode' ? percentile(sorted, 0.95) : null,
      samples: sorted.length,
    };
  }

  /** Forgets everything: another source, another call. */
  clear() {
    this.#sent = [];
    this.#returned = [];
    this.#sentNumbers.clear();
    this.#lastNumber = null;
    this.#lastNumberMs = -Infinity;
    this.#lastReturned = null;
    this.#values = [];
    this.#method = 'none';
  }

  /**
   * Numbers between two that followed each other passed unseen: what is remembered of them is from an earlier turn of a
   * source that repeats, and would be taken for a latency of a whole turn.
   */
  #forgetPassed(last, number) {
    if (last === null) return;
    const passed = number > last ? (old) => old > last && old < number : (old) => old > last || old < number;
    for (const old of this.#sentNumbers.keys()) if (passed(old)) this.#sentNumbers.delete(old);
  }

  /** When a frame left the camera; of one that passed unseen, by those before and after it. */
  #sentMs(number) {
    const at = (offset) => this.#sentNumbers.get((number + offset + NUMBERS) % NUMBERS);
    if (at(0) !== undefined) return at(0);
    let [before, after] = [1, 1];
    while (before <= MAX_UNSEEN && at(-before) === undefined) before += 1;
    while (after <= MAX_UNSEEN && at(after) === undefined) after += 1;
    if (before > MAX_UNSEEN || after > MAX_UNSEEN) return undefined;
    return at(-before) + ((at(after) - at(-before)) * before) / (before + after);
  }

  #add(method, timeMs, latencyMs) {
    if (method !== this.#method) this.#values = [];
    this.#method = method;
    this.#values.push({ timeMs, latencyMs });
  }
}

/**
 * Finds the shift in time at which the returned film looks most like the sent one.
 *
 * Each pixel of the thumbnails is a signal over time. What a blur or a tint leaves out is constant in time and falls
 * away with the mean, so the zero-mean normalised cross-correlation over all pixels is compared between shifts.
 *
 * @param {{timeMs: number, luma: Float32Array}[]} sent oldest first.
 * @param {{timeMs: number, luma: Float32Array}[]} returned oldest first.
 * @returns {{latencyMs: number, correlation: number} | null} null where nothing moves, nothing fits, or several shifts fit.
 */
export function matchFilms(sent, returned) {
  if (returned.length < MIN_FRAMES || sent.length < MIN_FRAMES) return null;
  if (activity(returned) < MIN_ACTIVITY) return null;
  // Where the sent film is too short for a shift, that shift cannot be judged.
  const longest = Math.min(MAX_LATENCY_MS, returned[0].timeMs - sent[0].timeMs);
  const shifts = [];
  for (let shiftMs = 0; shiftMs <= longest; shiftMs += STEP_MS) shifts.push(correlation(sent, returned, shiftMs));
  let best = 0;
  for (let i = 1; i < shifts.length; i += 1) if (shifts[i] > shifts[best]) best = i;
  const peak = shifts[best] ?? 0;
  if (peak < MIN_CORRELATION) return null;
  const beside = Math.round(BESIDE_MS / STEP_MS);
  for (const i of [best - beside, best + beside]) {
    if (i >= 0 && i < shifts.length && peak - shifts[i] < MIN_PROMINENCE) return null;
  }
  // At the end of what can be judged the true peak may lie beyond.
  if (best === shifts.length - 1) return null;
  return { latencyMs: (best + vertex(shifts, best)) * STEP_MS, correlation: peak };
}

/** Correlation of the returned film with the sent one `shiftMs` earlier, −1 to 1. */
function correlation(sent, returned, shiftMs) {
  const count = returned.length;
  const sumSent = new Float64Array(PIXELS);
  const sumReturned = new Float64Array(PIXELS);
  let sentSquares = 0;
  let returnedSquares = 0;
  let products = 0;
  let at = 0;
  for (const frame of returned) {
    const sentMs = frame.timeMs - shiftMs;
    while (at + 2 < sent.length && sent[at + 1].timeMs <= sentMs) at += 1;
    const before = sent[at];
    const after = sent[at + 1];
    const part = Math.min(1, Math.max(0, (sentMs - before.timeMs) / (after.timeMs - before.timeMs || 1)));
    for (let i = 0; i < PIXELS; i += 1) {
      const s = before.luma[i] + part * (after.luma[i] - before.luma[i]);
      const r = frame.luma[i];
      sumSent[i] += s;
      sumReturned[i] += r;
      sentSquares += s * s;
      returnedSquares += r * r;
      products += s * r;
    }
  }
  for (let i = 0; i < PIXELS; i += 1) {
    sentSquares -= (sumSent[i] * sumSent[i]) / count;
    returnedSquares -= (sumReturned[i] * sumReturned[i]) / count;
    products -= (sumSent[i] * sumReturned[i]) / count;
  }
  const scale = Math.sqrt(sentSquares * returnedSquares);
  return scale > 0 ? products / scale : 0;
}

/** Mean variance of a pixel over time. */
function activity(frames) {
  let sum = 0;
  for (let i = 0; i < PIXELS; i += 1) {
    let mean = 0;
    for (const frame of frames) mean += frame.luma[i];
    mean /= frames.length;
    for (const frame of frames) sum += (frame.luma[i] - mean) ** 2;
  }
  return sum / (PIXELS * frames.length);
}

/** Where between the neighbours the top of a parabola through three points lies, −0.5 to 0.5 steps. */
function vertex(values, at) {
  if (at === 0 || at === values.length - 1) return 0;
  const [left, middle, right] = [values[at - 1], values[at], values[at + 1]];
  const bend = left - 2 * middle + right;
  return bend < 0 ? Math.max(-0.5, Math.min(0.5, (left - right) / (2 * bend))) : 0;
}

/** Nearest-rank percentile of sorted values. */
function percentile(sorted, part) {
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}

/** Drops what is older than `sinceMs` from the front. */
function forget(items, sinceMs) {
  let old = 0;
  while (old < items.length && items[old].timeMs < sinceMs) old += 1;
  if (old > 0) items.splice(0, old);
}
