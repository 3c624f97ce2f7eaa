// What `RTCPeerConnection.getStats()` means: two snapshots in, figures for people out. Pure.
// Field names are those of the W3C "Identifiers for WebRTC's Statistics API".

/**
 * One snapshot, free of browser types.
 *
 * @param {Iterable<[string, object]>} report an RTCStatsReport.
 * @returns {Map<string, object>} the statistics by id.
 */
export function snapshotOf(report) {
  return new Map([...report].map(([id, stats]) => [id, { ...stats }]));
}

/**
 * Figures of the time between two snapshots. A figure that cannot be known (yet) is null.
 *
 * @param {Map<string, object> | null} before the earlier snapshot, or null for the first.
 * @param {Map<string, object>} now the later snapshot.
 */
export function figuresOf(before, now) {
  const videoOut = pick(now, 'outbound-rtp', 'video');
  const audioOut = pick(now, 'outbound-rtp', 'audio');
  const videoIn = pick(now, 'inbound-rtp', 'video');
  const audioIn = pick(now, 'inbound-rtp', 'audio');
  const pair = selectedPair(now);
  return {
    sent: {
      width: videoOut?.frameWidth ?? null,
      height: videoOut?.frameHeight ?? null,
      frameRate: rate(before, videoOut, 'framesEncoded'),
      videoBps: bits(before, videoOut, 'bytesSent'),
      audioBps: bits(before, audioOut, 'bytesSent'),
      videoCodec: codecName(now, videoOut),
      audioCodec: codecName(now, audioOut),
      lossRatio: remoteLoss(now, videoOut),
      encodeMs: mean(before, videoOut, 'totalEncodeTime', 'framesEncoded'),
      limitedBy: limitation(videoOut),
      keyFrameRequests: videoOut ? (videoOut.pliCount ?? 0) + (videoOut.firCount ?? 0) : null,
    },
    returned: {
      width: videoIn?.frameWidth ?? null,
      height: videoIn?.frameHeight ?? null,
      frameRate: rate(before, videoIn, 'framesDecoded'),
      videoBps: bits(before, videoIn, 'bytesReceived'),
      audioBps: bits(before, audioIn, 'bytesReceived'),
      videoCodec: codecName(now, videoIn),
      audioCodec: codecName(now, audioIn),
      lossRatio: localLoss(before, videoIn),
      decodeMs: mean(before, videoIn, 'totalDecodeTime', 'framesDecoded'),
      jitterMs: videoIn?.jitter === undefined ? null : videoIn.jitter * 1000,
      bufferMs: mean(before, videoIn, 'jitterBufferDelay', 'jitterBufferEmittedCount'),
      freezes: videoIn?.freezeCount ?? null,
      framesDropped: videoIn?.framesDropped ?? null,
    },
    rttMs: pair?.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
    sendableBps: pair?.availableOutgoingBitrate ?? null,
    route: route(now, pair),
  };
}

/**
 * Least latency that the figures account for: network there and back, encoding, the receiver's buffer, decoding.
 * The pipeline's own time is not in it, nor are camera and screen.
 *
 * @param {ReturnType<typeof figuresOf>} figures
 * @returns {number | null} milliseconds, or null before media flows.
 */
export function estimatedLatencyMs(figures) {
  const { sent, returned, rttMs } = figures;
  if (rttMs === null || returned.bufferMs === null) return null;
  return rttMs + (sent.encodeMs ?? 0) + returned.bufferMs + (returned.decodeMs ?? 0);
}

/** The stream of a kind; with several (a renegotiation leaves old ones) the one that carried most. */
function pick(snapshot, type, kind) {
  let best = null;
  for (const stats of snapshot.values()) {
    if (stats.type !== type || stats.kind !== kind) continue;
    const weight = (s) => s.packetsSent ?? s.packetsReceived ?? 0;
    if (best === null || weight(stats) > weight(best)) best = stats;
  }
  return best;
}

/** Growth of a counter between two snapshots, and the seconds between them; null where there is none to be had. */
function growth(before, stats, field) {
  const earlier = stats && before?.get(stats.id);
  if (!earlier || stats[field] === undefined || earlier[field] === undefined) return null;
  const amount = stats[field] - earlier[field];
  const seconds = (stats.timestamp - earlier.timestamp) / 1000;
  return amount >= 0 && seconds > 0 ? { amount, seconds } : null;
}

function rate(before, stats, field) {
  const grown = growth(before, stats, field);
  return grown && grown.amount / grown.seconds;
}

function bits(before, stats, field) {
  const perSecond = rate(before, stats, field);
  return perSecond === null ? null : perSecond * 8;
}

/** Milliseconds of `total` (a counter in seconds) per one of `count`. */
function mean(before, stats, total, count) {
  const time = growth(before, stats, total);
  const number = growth(before, stats, count);
  return time && number?.amount > 0 ? (time.amount / number.amount) * 1000 : null;
}

/** Packets lost of those expected between the snapshots; late ones that make the count fall read as none lost. */
function localLoss(before, stats) {
  const earlier = stats && before?.get(stats.id);
  if (!earlier) return null;
  const lost = Math.max(0, (stats.packetsLost ?? 0) - (earlier.packetsLost ?? 0));
  const received = (stats.packetsReceived ?? 0) - (earlier.packetsReceived ?? 0);
  return lost + received > 0 ? lost / (lost + received) : null;
}

/** What the other end reports to have lost of our stream. */
function remoteLoss(now, stats) {
  const remote = stats?.remoteId === undefined ? undefined : now.get(stats.remoteId);
  return remote?.fractionLost ?? null;
}

/** "H264" and the like. */
function codecName(now, stats) {
  const mimeType = now.get(stats?.codecId)?.mimeType;
  return mimeType ? mimeType.slice(mimeType.indexOf('/') + 1) : null;
}

/** What keeps the encoder below its best: "cpu", "bandwidth", "other"; null where nothing does. */
function limitation(stats) {
  const reason = stats?.qualityLimitationReason;
  return reason === undefined || reason === 'none' ? null : reason;
}

/** The candidate pair in use. */
function selectedPair(now) {
  for (const stats of now.values()) {
    if (stats.type === 'transport' && stats.selectedCandidatePairId) return now.get(stats.selectedCandidatePairId) ?? null;
  }
  // Firefox has no transport statistics and marks the pair instead.
  for (const stats of now.values()) if (stats.type === 'candidate-pair' && stats.selected) return stats;
  return null;
}

/** How the packets travel: types of both candidates and the protocol to the other end or to the relay. */
function route(now, pair) {
  const local = now.get(pair?.localCandidateId);
  const remote = now.get(pair?.remoteCandidateId);
  if (!local || !remote) return null;
  return { local: local.candidateType, remote: remote.candidateType, protocol: local.relayProtocol ?? local.protocol };
}
