// Figures as text. Pure. What is not known is a dash.

const NONE = '–';

/** Milliseconds: one decimal below ten, none above. */
export function milliseconds(ms) {
  if (ms === null || ms === undefined) return NONE;
  return `${number(ms)} ms`;
}

/** A number of three digits at most: 0.4, 9.9, 62, 250. */
export function number(value) {
  if (value === null || value === undefined) return NONE;
  return value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

/** Bits per second: kbit/s below a million. */
export function bitrate(bps) {
  if (bps === null || bps === undefined) return NONE;
  return bps < 999_500 ? `${(bps / 1000).toFixed(0)} kbit/s` : `${(bps / 1e6).toFixed(2)} Mbit/s`;
}

/** A ratio as a percentage. */
export function percent(ratio) {
  return ratio === null || ratio === undefined ? NONE : `${(ratio * 100).toFixed(1)} %`;
}

/** Frames per second. */
export function frameRate(rate) {
  return rate === null || rate === undefined ? NONE : `${rate.toFixed(1)} fps`;
}

/** Width and height. */
export function size(width, height) {
  return width && height ? `${width}×${height}` : NONE;
}

/** Joins what is known. */
export function joined(parts, separator = ' · ') {
  const known = parts.filter((part) => part !== null && part !== undefined && part !== NONE);
  return known.length > 0 ? known.join(separator) : NONE;
}
