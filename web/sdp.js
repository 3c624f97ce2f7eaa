// Reading and amending session descriptions. Pure.

/**
 * The ICE user name fragment of a description; it tells to which handshake a local candidate belongs.
 *
 * @param {string} sdp
 * @returns {string | null}
 */
export function iceUfragOf(sdp) {
  return /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? null;
}

/**
 * The fingerprint of the certificate behind a description; it tells which connection of a peer wrote it.
 *
 * @param {string} sdp
 * @returns {string | null}
 */
export function fingerprintOf(sdp) {
  return /^a=fingerprint:(.+?)\s*$/im.exec(sdp)?.[1].toLowerCase() ?? null;
}

/**
 * Hints at the bitrate to begin with, in the remote's name. Chromium begins at 300 kbit/s otherwise, and a picture of
 * full size is a blur for its first ten seconds; other browsers pass the hint over.
 *
 * @param {string} sdp a remote description.
 * @param {number} kbps kilobits per second.
 * @returns {string} the same with the hint in each video format that has parameters; retransmission formats have none.
 */
export function withStartBitrate(sdp, kbps) {
  let video = false;
  return sdp
    .split('\r\n')
    .map((line) => {
      if (line.startsWith('m=')) video = line.startsWith('m=video');
      return video && /^a=fmtp:\d+ (?!apt=)/.test(line) ? `${line};x-google-start-bitrate=${kbps}` : line;
    })
    .join('\r\n');
}
