// Names, formats, waits and messages: what goes into words and numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BASE_MS, CAP_MS, backoffMs } from '../backoff.js';
import { bitrate, joined, milliseconds, number, percent, size } from '../format.js';
import { addressMessage, callMessage, captureMessage, joinMessage, readyMessage, serverMessage } from '../messages.js';
import { MAX_NAME, idFrom, nextName, randomId } from '../names.js';
import { CODE, RpcError, WireError } from '../signaling.js';

test('what people type becomes an allowed id', () => {
  assert.equal(idFrom('Ana María'), 'Ana-Maria');
  assert.equal(idFrom('  bob@home! '), 'bob-home');
  assert.equal(idFrom('a_b.c:d-e'), 'a_b.c:d-e');
  assert.equal(idFrom('东京'), '');
  assert.equal(idFrom('x'.repeat(MAX_NAME)).length, MAX_NAME);
  assert.equal(idFrom('x'.repeat(MAX_NAME + 1)).length, MAX_NAME);
});

test('the next name counts up and stays within the length', () => {
  assert.equal(nextName('ana'), 'ana-2');
  assert.equal(nextName('ana-2'), 'ana-3');
  assert.equal(nextName('ana-9'), 'ana-10');
  const long = nextName('x'.repeat(MAX_NAME));
  assert.equal(long.length, MAX_NAME);
  assert.ok(long.endsWith('-2'));
});

test('random ids are allowed ids and differ', () => {
  const ids = new Set(Array.from({ length: 100 }, randomId));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.equal(idFrom(id), id);
});

test('waits grow, are jittered and end at the cap', () => {
  assert.equal(backoffMs(0, 0), 0);
  assert.equal(backoffMs(0, 0.5), BASE_MS / 2);
  assert.equal(backoffMs(3, 0.5), BASE_MS * 4);
  for (const attempt of [10, 1000, 1e9]) assert.equal(backoffMs(attempt, 0.5), CAP_MS / 2);
});

test('figures have few digits and unknown ones are a dash', () => {
  assert.deepEqual([0.04, 9.94, 9.95, 61.7, 250].map(number), ['0.0', '9.9', '10', '62', '250']);
  assert.deepEqual([0, 31_600, 999_499, 999_500, 2_410_000].map(bitrate), ['0 kbit/s', '32 kbit/s', '999 kbit/s', '1.00 Mbit/s', '2.41 Mbit/s']);
  assert.equal(percent(0.0512), '5.1 %');
  assert.equal(size(1280, 720), '1280×720');
  for (const text of [number(null), bitrate(undefined), percent(null), milliseconds(null), size(null, 720), joined([null, '–'])]) assert.equal(text, '–');
});

test('every failure of a device says what failed, why, and offers a way on', () => {
  const reasons = ['Insecure', 'NotAllowedError', 'NotFoundError', 'OverconstrainedError', 'NotReadableError', 'AbortError', 'TypeError'];
  for (const kind of ['camera', 'microphone']) {
    const titles = reasons.map((reason) => {
      const message = captureMessage({ kind, reason, message: 'x' });
      assert.equal(message.level, 'error');
      assert.match(`${message.title} ${message.text}`, new RegExp(kind, 'i'));
      assert.ok(message.actions.some(({ id }) => id === (kind === 'camera' ? 'test-picture' : 'silence')), reason);
      return message.title;
    });
    // NotReadable and Abort are the same thing to a user.
    assert.equal(new Set(titles).size, reasons.length - 1);
  }
});

test('a taken name offers the next one', () => {
  const message = joinMessage(new RpcError('peer.announce', { code: CODE.PEER_ID_TAKEN, message: 'taken' }), { session: 's', peerId: 'ana' });
  assert.deepEqual(message.actions, [{ id: 'rename', label: 'Join as ana-2', name: 'ana-2' }]);
});

test('refusals name the value', () => {
  const refusal = (code, data) => joinMessage(new RpcError('peer.announce', { code, message: 'no', data }), { session: 'studio', peerId: 'ana' });
  assert.match(refusal(CODE.SESSION_FULL, { max_peers: 10 }).text, /10 peers/);
  assert.match(refusal(CODE.SESSION_FULL).title, /studio/);
  assert.match(refusal(-32099).text, /no \(-32099\)/);
  assert.match(joinMessage(new WireError('timeout', 'no reply'), { session: 's', peerId: 'a' }).text, /no reply/);
});

const origin = 'http://page.example:8080';

test('a lost server is an error, in a session a warning, and the call goes on only where one is up', () => {
  const lost = (state) => serverMessage({ error: new WireError('lost', 'x'), known: true, membership: state === 'idle' ? null : {}, call: { state } }, { host: 'h:1', foreign: false, origin });
  assert.deepEqual(['idle', 'waiting', 'connecting', 'connected'].map((state) => lost(state).level), ['error', 'warning', 'warning', 'warning']);
  assert.deepEqual(['idle', 'waiting', 'connecting', 'connected'].map((state) => /call goes on/.test(lost(state).text)), [false, false, false, true]);
});

test('what a server does that is none, full or of another version is said', () => {
  const of = (reason, message) => serverMessage({ error: new WireError(reason, message), known: false, membership: null, call: { state: 'idle' } }, { host: 'h:1', foreign: true, origin });
  assert.match(of('garbage', 'that is not JSON').text, /h:1 is no RemoteMedia server: that is not JSON/);
  assert.match(of('version', 'it speaks version 2 of the protocol, and this page 1').text, /h:1: .*version 2 .*page 1/);
  assert.match(of('full', 'x').text, /h:1 has as many connections as it takes/);
});

test('a server of another origin that is not reached may refuse this page: both causes are named, and the cure', () => {
  const of = (known, foreign) => serverMessage({ error: new WireError('unreachable', 'x'), known, membership: null, call: { state: 'idle' } }, { host: 'h:1', foreign, origin });
  const message = of(false, true);
  assert.match(message.text, /Nothing answers at h:1, or it refuses this page: .*--allow-origin http:\/\/page\.example:8080$/);
  assert.deepEqual(message.actions.map(({ id }) => id), ['reconnect', 'own-server']);
  for (const other of [of(true, true), of(false, false)]) assert.doesNotMatch(other.text, /allow-origin/);
});

test('a wrong address of a server is repeated, but not at any length', () => {
  const message = addressMessage({ url: 'other:9000', fault: 'is none' });
  assert.match(message.text, /server=other:9000, which is none\.$/);
  assert.deepEqual(message.actions.map(({ id }) => id), ['own-server']);
  assert.ok(addressMessage({ url: 'x'.repeat(5000), fault: 'is none' }).text.length < 200);
});

test('before a call the page says where it would go, if that is another server', () => {
  assert.match(readyMessage({ host: 'h:1', foreign: true }).text, /h:1, another server/);
  assert.doesNotMatch(readyMessage({ host: 'h:1', foreign: false }).text, /h:1/);
});

test('every state of a call has its words, and failures a way to try again', () => {
  const about = { session: 'studio', others: 0, pipeline: 'blur', present: true, relay: false, lost: false };
  const of = (state, cause = null, fault = null) => callMessage({ state, cause, fault }, about);
  assert.match(of('waiting').text, /studio/);
  assert.match(of('waiting', 'left').title, /left/);
  assert.match(of('connected').text, /blur/);
  const titles = ['no_answer', 'no_path', 'lost', 'refused'].map((cause) => {
    const message = of('failed', cause, new Error('m-line mismatch'));
    assert.equal(message.level, 'error');
    assert.equal(message.actions[0].id, 'retry-call');
    return message.title;
  });
  assert.equal(new Set(titles).size, 4);
  assert.match(of('failed', 'refused', new Error('m-line mismatch')).text, /m-line mismatch/);
  assert.equal(of('idle'), null);
});

test('a call that fails while the server is lost waits for the server', () => {
  const about = { session: 'studio', others: 0, pipeline: 'blur', present: true, relay: false, lost: true };
  const failed = callMessage({ state: 'failed', cause: 'lost', fault: null }, about);
  assert.match(failed.text, /server is lost, too: the call begins anew when it is back/);
  for (const message of [failed, callMessage({ state: 'interrupted', cause: null, fault: null }, about)]) {
    assert.deepEqual(message.actions.map(({ id }) => id), ['reconnect']);
  }
});

test('nobody is asked to call a pipeline that is not there', () => {
  const message = callMessage({ state: 'interrupted', cause: null, fault: null }, { session: 's', others: 0, pipeline: 'blur', present: false, relay: false, lost: false });
  assert.deepEqual(message.actions, []);
});

test('where there is no path, it is said whether there was a relay to try', () => {
  const of = (relay) => callMessage({ state: 'failed', cause: 'no_path', fault: null }, { session: 's', others: 0, pipeline: 'blur', present: true, relay, lost: false }).text;
  assert.match(of(false), /names no TURN server/);
  assert.match(of(true), /TURN did not help/);
});

test('who waits alone hears of other sessions', () => {
  const of = (others) => callMessage({ state: 'waiting', cause: null, fault: null }, { session: 'stduio', others, pipeline: 'the pipeline', present: false, relay: false, lost: false }).text;
  assert.match(of(0), /joins\.$/);
  assert.match(of(1), /another session\.$/);
  assert.match(of(3), /3 other sessions\.$/);
});
