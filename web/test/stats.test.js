import assert from 'node:assert/strict';
import { test } from 'node:test';

import { estimatedLatencyMs, figuresOf, snapshotOf } from '../stats.js';

const report = (...stats) => snapshotOf(stats.map((one) => [one.id, one]));

const codec = { id: 'C', type: 'codec', mimeType: 'video/H264' };
const outbound = {
  id: 'OV', type: 'outbound-rtp', kind: 'video', timestamp: 1000, codecId: 'C', remoteId: 'RV', packetsSent: 10, bytesSent: 1000,
  framesEncoded: 30, totalEncodeTime: 0.1, frameWidth: 1280, frameHeight: 720, qualityLimitationReason: 'cpu', pliCount: 2, firCount: 1,
};
const inbound = {
  id: 'IV', type: 'inbound-rtp', kind: 'video', timestamp: 1000, codecId: 'C', packetsReceived: 100, packetsLost: 4, bytesReceived: 2000,
  framesDecoded: 30, totalDecodeTime: 0.05, jitterBufferDelay: 1, jitterBufferEmittedCount: 30, frameWidth: 640, frameHeight: 360,
  jitter: 0.004, freezeCount: 3, framesDropped: 1,
};
const remote = { id: 'RV', type: 'remote-inbound-rtp', fractionLost: 0.05 };
const transport = { id: 'T', type: 'transport', selectedCandidatePairId: 'P' };
const pair = { id: 'P', type: 'candidate-pair', currentRoundTripTime: 0.012, localCandidateId: 'L', remoteCandidateId: 'R', availableOutgoingBitrate: 3e6 };
const local = { id: 'L', type: 'local-candidate', candidateType: 'relay', protocol: 'udp', relayProtocol: 'tls' };
const far = { id: 'R', type: 'remote-candidate', candidateType: 'host', protocol: 'udp' };

const before = report(codec, outbound, inbound, remote, transport, pair, local, far);
const after = report(
  codec, remote, transport, pair, local, far,
  { ...outbound, timestamp: 3000, bytesSent: 501_000, framesEncoded: 90, totalEncodeTime: 0.4 },
  { ...inbound, timestamp: 3000, bytesReceived: 252_000, framesDecoded: 80, totalDecodeTime: 0.1, packetsReceived: 190, packetsLost: 14, jitterBufferDelay: 2, jitterBufferEmittedCount: 80 },
);

test('rates are those of the time between the snapshots', () => {
  const { sent, returned } = figuresOf(before, after);
  assert.equal(sent.frameRate, 30);
  assert.equal(sent.videoBps, 2_000_000);
  assert.equal(returned.frameRate, 25);
  assert.equal(returned.videoBps, 1_000_000);
});

test('means are per frame', () => {
  const { sent, returned } = figuresOf(before, after);
  assert.ok(Math.abs(sent.encodeMs - 5) < 1e-9);
  assert.ok(Math.abs(returned.decodeMs - 1) < 1e-9);
  assert.ok(Math.abs(returned.bufferMs - 20) < 1e-9);
});

test('loss is ours for what comes in and theirs for what goes out', () => {
  const { sent, returned } = figuresOf(before, after);
  assert.equal(returned.lossRatio, 0.1);
  assert.equal(sent.lossRatio, 0.05);
});

test('late packets that lower the count of lost ones read as no loss', () => {
  const late = report({ ...inbound, timestamp: 2000, packetsReceived: 110, packetsLost: 2 });
  assert.equal(figuresOf(before, late).returned.lossRatio, 0);
});

test('codec, size, limitation and route have names', () => {
  const { sent, returned, route, rttMs, sendableBps } = figuresOf(before, after);
  assert.deepEqual([sent.videoCodec, sent.width, sent.height, sent.limitedBy, sent.keyFrameRequests], ['H264', 1280, 720, 'cpu', 3]);
  assert.deepEqual([returned.width, returned.height, returned.jitterMs, returned.freezes], [640, 360, 4, 3]);
  assert.deepEqual(route, { local: 'relay', remote: 'host', protocol: 'tls' });
  assert.equal(rttMs, 12);
  assert.equal(sendableBps, 3e6);
});

test('the first snapshot has sizes but no rates', () => {
  const { sent, returned } = figuresOf(null, after);
  assert.equal(sent.width, 1280);
  assert.equal(sent.frameRate, null);
  assert.equal(returned.videoBps, null);
  assert.equal(returned.lossRatio, null);
});

test('an empty report yields nothing but unknowns', () => {
  const { sent, returned, rttMs, route } = figuresOf(null, new Map());
  for (const value of [...Object.values(sent), ...Object.values(returned), rttMs, route]) assert.equal(value, null);
});

test('a counter that starts anew yields no negative rate', () => {
  const anew = report({ ...outbound, timestamp: 2000, bytesSent: 10, framesEncoded: 1 });
  assert.equal(figuresOf(before, anew).sent.videoBps, null);
});

test('Firefox marks the selected pair itself', () => {
  const firefox = report({ ...pair, selected: true }, local, far);
  assert.equal(figuresOf(null, firefox).rttMs, 12);
});

test('the estimate adds up network, encoder, buffer and decoder', () => {
  assert.ok(Math.abs(estimatedLatencyMs(figuresOf(before, after)) - (12 + 5 + 20 + 1)) < 1e-9);
  assert.equal(estimatedLatencyMs(figuresOf(null, after)), null);
});
