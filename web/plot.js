// A small line plot of the last minute: two series, one value a second.

const SECONDS = 60;
const SVG = 'http://www.w3.org/2000/svg';

/** Room in pixels: for the labels at the left, for half a line of text at the top, for the times at the bottom. */
const LEFT = 40;
const TOP = 7;
const BOTTOM = 22;

/**
 * The least round number that is not below `value`: 1, 2 or 5 times a power of ten.
 *
 * @param {number} value above zero.
 */
export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((round) => round >= value * (1 - 1e-9));
}

/** Draws into an `<svg>`. */
export class Plot {
  #svg;
  #least;
  #label;
  #series = [[], []];
  #lines;
  #grid = [];
  #times = [];

  /**
   * @param {SVGElement} svg
   * @param {{least: number, label: (value: number) => string}} options `least`: the scale never ends below this.
   */
  constructor(svg, { least, label }) {
    this.#svg = svg;
    this.#least = least;
    this.#label = label;
    for (let i = 0; i < 3; i += 1) {
      this.#grid.push({ line: this.#add('line', 'grid'), text: this.#add('text', '') });
    }
    this.#times = [`${SECONDS} s ago`, 'now'].map((text) => Object.assign(this.#add('text', ''), { textContent: text }));
    this.#lines = ['one', 'two'].map((name) => this.#add('polyline', name));
    new ResizeObserver(() => this.#draw()).observe(svg);
  }

  /** Adds one second; null where nothing was measured. */
  push(...values) {
    values.forEach((value, i) => {
      this.#series[i].push(value);
      if (this.#series[i].length > SECONDS) this.#series[i].shift();
    });
    this.#draw();
  }

  /** Starts anew. */
  clear() {
    this.#series = [[], []];
    this.#draw();
  }

  #add(name, className) {
    const element = document.createElementNS(SVG, name);
    element.setAttribute('class', className);
    this.#svg.append(element);
    return element;
  }

  #draw() {
    const { width, height } = this.#svg.getBoundingClientRect();
    const most = Math.max(0, ...this.#series.flat().map((value) => value ?? 0));
    const top = roundUp(Math.max(this.#least, most));
    const y = (value) => height - BOTTOM - (value / top) * (height - TOP - BOTTOM);
    const x = (second) => LEFT + (second / (SECONDS - 1)) * (width - LEFT - 2);
    this.#grid.forEach(({ line, text }, i) => {
      const value = (top * i) / 2;
      set(line, { x1: LEFT, x2: width, y1: y(value), y2: y(value) });
      set(text, { x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end' });
      text.textContent = this.#label(value);
    });
    set(this.#times[0], { x: LEFT, y: height - 4 });
    set(this.#times[1], { x: width - 2, y: height - 4, 'text-anchor': 'end' });
    this.#lines.forEach((line, i) => {
      const values = this.#series[i];
      const points = values.map((value, at) => (value === null ? '' : `${x(SECONDS - values.length + at).toFixed(1)},${y(value).toFixed(1)}`));
      line.setAttribute('points', points.filter(Boolean).join(' '));
    });
  }
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
