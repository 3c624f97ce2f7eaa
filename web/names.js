// Names and ids as the server allows them: 1–64 of A–Z a–z 0–9 _ . : -. Pure but for the random ids.

/** Longest id or session name. */
export const MAX_NAME = 64;

/**
 * Makes an id of what a person typed: accents go, other characters become dashes.
 *
 * @param {string} text
 * @returns {string} an allowed id, or '' where nothing is left.
 */
export function idFrom(text) {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9_.:-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, MAX_NAME);
}

/**
 * The next name to try when one is taken: ana → ana-2 → ana-3. Stays within the allowed length.
 *
 * @param {string} name
 */
export function nextName(name) {
  const [, stem, number] = /^(.*?)(?:-(\d{1,4}))?$/.exec(name);
  const suffix = `-${Number(number ?? 1) + 1}`;
  return stem.slice(0, MAX_NAME - suffix.length) + suffix;
}

/** 64 random bits in hex; works on insecure pages too, where `crypto.randomUUID` is missing. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
