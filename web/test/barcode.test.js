import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CELLS, NUMBERS, barcodeCells, readBarcode } from '../barcode.js';

const levels = (number, bright = 235, dark = 16) => barcodeCells(number).map((cell) => (cell ? bright : dark));

test('every number is read back as it was written', () => {
  for (let number = 0; number < NUMBERS; number += 1) assert.equal(readBarcode(levels(number)), number);
});

test('numbers wrap at 4096', () => {
  assert.deepEqual(barcodeCells(NUMBERS + 5), barcodeCells(5));
});

test('a dimmed and a brightened picture is still read', () => {
  assert.equal(readBarcode(levels(1234, 150, 70)), 1234);
  assert.equal(readBarcode(levels(1234, 255, 120)), 1234);
});

test('contrast is read down to the limit and refused below it', () => {
  assert.equal(readBarcode(levels(77, 130, 70)), 77);
  assert.equal(readBarcode(levels(77, 129, 70)), null);
});

test('a cell between bright and dark makes the whole unreadable', () => {
  const cells = levels(77);
  cells[7] = 125;
  assert.equal(readBarcode(cells), null);
});

test('pictures without a barcode are not read', () => {
  assert.equal(readBarcode(new Array(CELLS).fill(128)), null);
  assert.equal(readBarcode(Array.from({ length: CELLS }, (_, i) => i * 16)), null);
  assert.equal(readBarcode(levels(77).map((level) => 255 - level)), null);
});
