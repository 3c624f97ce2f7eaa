import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DataFrameError, MAX_HEADER_BYTES, parseDataFrame } from '../dataframe.js';

const HEADER = { kind: 'data', type: 'json', sequence: 3, media_time_ns: 4e9, output: 'level' };

function frame(header, payload = new Uint8Array(), length = null) {
  const head = typeof header === 'string' ? new TextEncoder().encode(header) : new TextEncoder().encode(JSON.stringify(header));
  const body = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
  const bytes = new Uint8Array(4 + head.length + body.length);
  new DataView(bytes.buffer).setUint32(0, length ?? head.length);
  bytes.set(head, 4);
  bytes.set(body, 4 + head.length);
  return bytes.buffer;
}

const refused = (buffer, pattern) =>
  assert.throws(() => parseDataFrame(buffer), (error) => error instanceof DataFrameError && pattern.test(error.message));

test('json, text and binary come out as they went in', () => {
  assert.deepEqual(parseDataFrame(frame(HEADER, '{"db":-20}')), { type: 'json', sequence: 3, mediaTimeNs: 4e9, output: 'level', value: { db: -20 } });
  assert.equal(parseDataFrame(frame({ ...HEADER, type: 'text' }, 'grüße')).value, 'grüße');
  for (const type of ['binary', 'audio', 'video', 'tensor']) {
    assert.deepEqual(parseDataFrame(frame({ ...HEADER, type }, Uint8Array.of(1, 2))).value, Uint8Array.of(1, 2));
  }
});

test('an empty payload is an empty text', () => {
  assert.equal(parseDataFrame(frame({ ...HEADER, type: 'text' })).value, '');
});

test('a message cut in half is refused at every length', () => {
  const whole = frame(HEADER, '{"db":-20}');
  const least = 4 + new TextEncoder().encode(JSON.stringify(HEADER)).length;
  for (let length = 0; length < least; length += 1) refused(whole.slice(0, length), /too short|does not fit/);
});

test('a header is read at the limit and refused one byte past it', () => {
  const padded = (size) => {
    const empty = JSON.stringify({ ...HEADER, pad: '' }).length;
    return JSON.stringify({ ...HEADER, pad: 'x'.repeat(size - empty) });
  };
  assert.equal(parseDataFrame(frame(padded(MAX_HEADER_BYTES), '1')).value, 1);
  refused(frame(padded(MAX_HEADER_BYTES + 1), '1'), /over the limit/);
});

test('what is wrong is named', () => {
  refused(frame('{'), /header is not JSON/);
  refused(frame('null'), /kind is undefined/);
  refused(frame({ ...HEADER, kind: 'chat' }), /kind is "chat"/);
  refused(frame({ ...HEADER, type: 'scent' }), /type is "scent"/);
  refused(frame(HEADER, 'oops'), /payload is not JSON/);
  refused(frame({ ...HEADER, type: 'text' }, Uint8Array.of(0xff, 0xfe)), /payload is not UTF-8/);
});
