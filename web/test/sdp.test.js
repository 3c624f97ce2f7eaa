import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fingerprintOf, iceUfragOf, withStartBitrate } from '../sdp.js';

test('the user name fragment is found in a description', () => {
  assert.equal(iceUfragOf('v=0\r\na=ice-ufrag:aB3+\r\na=ice-pwd:x\r\n'), 'aB3+');
  assert.equal(iceUfragOf('v=0\r\n'), null);
});

test('the fingerprint is found in a description, whatever its case', () => {
  const sdp = (hash) => `v=0\r\na=fingerprint:sha-256 ${hash}\r\na=setup:actpass\r\n`;
  assert.equal(fingerprintOf(sdp('AB:01')), 'sha-256 ab:01');
  assert.equal(fingerprintOf(sdp('ab:01')), fingerprintOf(sdp('AB:01')));
  assert.equal(fingerprintOf('v=0\r\n'), null);
});

test('the bitrate to begin with is hinted at in video formats alone', () => {
  const sdp = [
    'v=0',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'a=fmtp:111 minptime=10;useinbandfec=1',
    'm=video 9 UDP/TLS/RTP/SAVPF 102 103',
    'a=fmtp:102 packetization-mode=1;profile-level-id=42e01f',
    'a=fmtp:103 apt=102',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    '',
  ];
  const hinted = [...sdp];
  hinted[4] += ';x-google-start-bitrate=1200';
  assert.equal(withStartBitrate(sdp.join('\r\n'), 1200), hinted.join('\r\n'));
});
