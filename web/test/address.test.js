import assert from 'node:assert/strict';
import { test } from 'node:test';

import { serverOf } from '../address.js';

const page = (search, protocol = 'http:') => ({ protocol, host: 'media.example:8080', search });
const named = (value, protocol) => serverOf(page(`?server=${encodeURIComponent(value)}`, protocol));

test('a page talks to the server that it came from', () => {
  assert.deepEqual(serverOf(page('?session=s')), { url: 'ws://media.example:8080/ws', host: 'media.example:8080', foreign: false, fault: null });
  assert.equal(serverOf(page('', 'https:')).url, 'wss://media.example:8080/ws');
});

test('or to the one that its address names, which is foreign unless it is the same', () => {
  assert.deepEqual(named('ws://other:9000/ws'), { url: 'ws://other:9000/ws', host: 'other:9000', foreign: true, fault: null });
  assert.equal(named('ws://media.example:8080/elsewhere').foreign, false);
  assert.equal(named('ws://media.example/ws').foreign, true);
});

test('a value that is no WebSocket address has a fault and is named as it was given', () => {
  for (const value of ['', 'other:9000', '/ws', 'http://other/ws', 'ws://', 'ws://other:99999/ws', 'javascript:alert(1)']) {
    const { host, foreign, fault } = named(value);
    assert.equal(host, value);
    assert.equal(foreign, true);
    assert.match(fault, /is no WebSocket address/, value);
  }
  assert.match(named('ws://other/ws#part').fault, /behind #/);
});

test('from a page by https only encrypted servers and this machine are reached', () => {
  assert.match(named('ws://other/ws', 'https:').fault, /wss:/);
  for (const value of ['wss://other/ws', 'ws://localhost:8080/ws', 'ws://127.0.0.1/ws', 'ws://[::1]:1/ws']) assert.equal(named(value, 'https:').fault, null, value);
});
