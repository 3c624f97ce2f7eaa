import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAX_ADDRESSES, hasRelay, readIceServers } from '../iceservers.js';

const stun = { urls: ['stun:stun.example'], username: undefined, credential: undefined };
const turn = { urls: ['turn:relay.example:3478?transport=udp', 'turns:[2001:db8::1]:5349'], username: 'ana', credential: 'secret' };

const read = (value) => readIceServers(value, () => {});

test('a list of STUN and TURN servers is taken as it is', () => {
  assert.deepEqual(read([stun, turn]), { servers: [stun, turn], faults: [] });
  assert.deepEqual([hasRelay([stun, turn]), hasRelay([stun]), hasRelay([])], [true, false, false]);
});

test('a single address stands for a list of one, and null for what is left out', () => {
  assert.deepEqual(read([{ urls: 'stun:stun.example', username: null, credential: null }]).servers, [stun]);
});

test('a server that names none has none', () => {
  for (const value of [undefined, null, []]) assert.deepEqual(read(value), { servers: [], faults: [] });
});

test('what is no list is left out as a whole', () => {
  for (const value of ['stun:stun.example', {}, 7, true]) assert.deepEqual(read(value), { servers: [], faults: ['ice_servers is no list'] });
});

test('an entry that is no such server is left out, named by its place, and the others are used', () => {
  const bad = {
    'it is no object': ['stun:stun.example', null, 7, []],
    'its urls are no list of addresses': [{}, { urls: [] }, { urls: 7 }, { url: 'stun:stun.example' }, { urls: ['stun:stun.example', 7] }],
    'its username is no text': [{ ...turn, username: 7 }],
    'its credential is no text': [{ ...turn, credential: ['secret'] }],
  };
  for (const [why, entries] of Object.entries(bad)) {
    for (const entry of entries) assert.deepEqual(read([turn, entry]), { servers: [turn], faults: [`ice_servers[1] is left out: ${why}`] });
  }
});

test('an entry that the browser does not take is left out with its words', () => {
  const attempt = ({ urls }) => {
    if (urls[0] === 'stun:') throw new SyntaxError('"stun:" is no address');
  };
  assert.deepEqual(readIceServers([{ urls: ['stun:'] }, turn], attempt), { servers: [turn], faults: ['ice_servers[0] is left out: "stun:" is no address'] });
});

test('as many addresses are used as may be, and not one more', () => {
  const entries = Array.from({ length: MAX_ADDRESSES }, (_, i) => ({ urls: [`stun:s${i}.example`] }));
  assert.deepEqual(read(entries).faults, []);
  const { servers, faults } = read([...entries, turn]);
  assert.equal(servers.length, MAX_ADDRESSES);
  assert.match(faults[0], /^ice_servers\[32\] .*more than 32 addresses/);
});
