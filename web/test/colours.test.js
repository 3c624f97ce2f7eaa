// What can be read and told apart, by the colours of the style sheet.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const style = readFileSync(new URL('../style.css', import.meta.url), 'utf8');
const [light, changed] = [...style.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) =>
  Object.fromEntries([...body.matchAll(/--([\w-]+): #([\da-f]{6});/g)].map(([, name, hex]) => [name, [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)])),
);
const schemes = { light, dark: { ...light, ...changed } };

const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);

/** Relative luminance and contrast of WCAG 2.2. */
const luminance = (colour) => colour.map(linear).reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => {
  const [dark, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (bright + 0.05) / (dark + 0.05);
};

/** Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB. */
const BLINDNESS = {
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
const seen = (colour, matrix) => matrix.map((row) => Math.min(1, Math.max(0, row.reduce((sum, part, i) => sum + part * linear(colour[i]), 0))));

/** Distance in CIELAB (D65) of two linear colours; 2 is just noticeable. */
const lab = ([r, g, b]) => {
  const f = (t) => (t > 216 / 24389 ? Math.cbrt(t) : (t * 24389) / 27 / 116 + 16 / 116);
  const [x, y, z] = [(0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047, 0.2126 * r + 0.7152 * g + 0.0722 * b, (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883].map(f);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
};
const distance = (a, b) => Math.hypot(...lab(a).map((part, i) => part - lab(b)[i]));

const NO_BLINDNESS = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];

/** Far beyond what is just noticeable: two thin lines side by side. */
const LEAST_DISTANCE = 30;

for (const [scheme, colours] of Object.entries(schemes)) {
  test(`text has a contrast of 4.5 to what it stands on: ${scheme}`, () => {
    for (const ground of ['ground', 'panel', 'field']) {
      for (const ink of ['ink', 'soft', 'bad']) assert.ok(contrast(colours[ink], colours[ground]) >= 4.5, `${ink} on ${ground}`);
    }
    for (const [ink, ground] of [['sent', 'panel'], ['returned', 'panel'], ['good', 'ground'], ['warn', 'ground'], ['on-accent', 'accent'], ['picture-ink', 'picture']]) {
      assert.ok(contrast(colours[ink], colours[ground]) >= 4.5, `${ink} on ${ground}`);
    }
  });

  test(`borders of controls, lamps and the focus have a contrast of 3: ${scheme}`, () => {
    for (const ground of ['ground', 'panel']) {
      for (const mark of ['edge', 'accent', 'good', 'warn', 'bad']) assert.ok(contrast(colours[mark], colours[ground]) >= 3, `${mark} on ${ground}`);
    }
  });

  test(`what goes out and what comes back are told apart by every eye: ${scheme}`, () => {
    for (const [eye, matrix] of Object.entries({ all: NO_BLINDNESS, ...BLINDNESS })) {
      const apart = distance(seen(colours.sent, matrix), seen(colours.returned, matrix));
      assert.ok(apart >= LEAST_DISTANCE, `${eye}: ${apart.toFixed(1)}`);
    }
  });
}
