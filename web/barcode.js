// The frame-number barcode: the top ninth of a picture, 16 cells wide. From left to right the cells are
// 1, 0, twelve bits of the frame number (most significant first), 0, 1; a bright cell is a 1.
// It survives scaling to 16×9, a lossy codec and a blur narrower than half a cell.

/** Cells in one barcode. */
export const CELLS = 16;

/** Frame numbers run from 0 to this, exclusive, and start again. */
export const NUMBERS = 4096;

/** Height of the barcode as a part of the picture's height. */
export const HEIGHT = 1 / 9;

/** Least difference in luma (0–255) between the bright and the dark guard cells; a guess that leaves room for fades. */
const MIN_CONTRAST = 60;

/** A cell nearer to the middle than this part of the contrast is unreadable. */
const MARGIN = 0.15;

/**
 * The cells of one frame number.
 *
 * @param {number} number 0–4095; larger numbers wrap.
 * @returns {boolean[]} 16 cells, left to right; true is bright.
 */
export function barcodeCells(number) {
  const cells = [true, false];
  for (let bit = 11; bit >= 0; bit -= 1) cells.push(((number >> bit) & 1) === 1);
  cells.push(false, true);
  return cells;
}

/**
 * Reads a frame number.
 *
 * @param {ArrayLike<number>} levels mean luma (0–255) of the 16 cells, left to right.
 * @returns {number | null} the number, or null where there is no readable barcode.
 */
export function readBarcode(levels) {
  const bright = (levels[0] + levels[CELLS - 1]) / 2;
  const dark = (levels[1] + levels[CELLS - 2]) / 2;
  const contrast = bright - dark;
  if (contrast < MIN_CONTRAST) return null;
  const middle = (bright + dark) / 2;
  const cells = [];
  for (let i = 0; i < CELLS; i += 1) {
    const offset = levels[i] - middle;
    if (Math.abs(offset) < MARGIN * contrast) return null;
    cells.push(offset > 0);
  }
  if (!cells[0] || cells[1] || cells[CELLS - 2] || !cells[CELLS - 1]) return null;
  let number = 0;
  for (let i = 2; i < CELLS - 2; i += 1) number = number * 2 + (cells[i] ? 1 : 0);
  return number;
}
