// How long to wait before the next attempt to reach a server. Pure.

/** The first wait is up to this. */
export const BASE_MS = 500;

/** No wait is longer than this. */
export const CAP_MS = 15_000;

/**
 * Exponential backoff with full jitter: a uniformly random part of a limit that doubles up to a cap, so that many
 * pages that lost one server do not come back in step.
 *
 * @param {number} attempt 0 for the first.
 * @param {number} random 0 ≤ random < 1.
 * @returns {number} milliseconds.
 */
export function backoffMs(attempt, random) {
  return random * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16));
}
