import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CandidateBox, MAX_HELD_CANDIDATES, MAX_HELD_HANDSHAKES, isPolite, judgeAnswer, judgeOffer } from '../negotiation.js';

test('of two peers exactly one is polite, the one with the smaller id', () => {
  for (const [a, b] of [['ana', 'ben'], ['Z', 'a'], ['peer-10', 'peer-9'], ['a', 'a-1']]) {
    assert.equal(isPolite(a, b), true);
    assert.equal(isPolite(b, a), false);
  }
});

test('an offer in a quiet moment is applied by both', () => {
  for (const polite of [true, false]) {
    assert.equal(judgeOffer({ polite, signalingState: 'stable', handshakeId: 'h2', lastOffer: 'h1' }), 'apply');
  }
});

test('of two offers that cross, the polite peer takes the other one and the impolite ignores it', () => {
  const facts = { signalingState: 'have-local-offer', handshakeId: 'h1', lastOffer: null };
  assert.equal(judgeOffer({ ...facts, polite: true }), 'apply');
  assert.equal(judgeOffer({ ...facts, polite: false }), 'ignore');
});

test('an offer that comes twice is applied once', () => {
  assert.equal(judgeOffer({ polite: true, signalingState: 'stable', handshakeId: 'h1', lastOffer: 'h1' }), 'duplicate');
});

test('only the answer to the open offer is applied', () => {
  const facts = { signalingState: 'have-local-offer', handshakeId: 'h1', ownOffer: 'h1' };
  assert.equal(judgeAnswer(facts), 'apply');
  assert.equal(judgeAnswer({ ...facts, handshakeId: 'h0' }), 'ignore');
  assert.equal(judgeAnswer({ ...facts, signalingState: 'stable' }), 'ignore');
  assert.equal(judgeAnswer({ ...facts, ownOffer: null }), 'ignore');
});

test('early candidates are kept until the description arrives, in order', () => {
  const box = new CandidateBox();
  assert.equal(box.put('h1', 'a'), 'held');
  assert.equal(box.put('h1', null), 'held');
  assert.deepEqual(box.open('h1'), ['a', null]);
  assert.equal(box.put('h1', 'b'), 'add');
  assert.deepEqual(box.open('h1'), []);
});

test('candidates of an ignored offer are of no use, before and after', () => {
  const box = new CandidateBox();
  box.put('h1', 'a');
  box.ignore('h1');
  assert.equal(box.put('h1', 'b'), 'ignored');
  assert.deepEqual(box.open('h1'), []);
});

test('candidates of one handshake are held up to the limit and no further', () => {
  const box = new CandidateBox();
  for (let i = 0; i < MAX_HELD_CANDIDATES; i += 1) assert.equal(box.put('h1', i), 'held');
  assert.equal(box.put('h1', 'more'), 'full');
  assert.equal(box.open('h1').length, MAX_HELD_CANDIDATES);
});

test('handshakes are held up to the limit, then the oldest is forgotten', () => {
  const box = new CandidateBox();
  for (let i = 0; i < MAX_HELD_HANDSHAKES; i += 1) box.put(`h${i}`, i);
  box.put('new', 'x');
  assert.deepEqual(box.open('h0'), []);
  assert.deepEqual(box.open('h1'), [1]);
  assert.deepEqual(box.open('new'), ['x']);
});
