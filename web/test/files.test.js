// The page needs no build step and nothing from elsewhere: every file it names is here and is built into the program.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const WEB = new URL('../', import.meta.url);
const MODULES = readdirSync(WEB).filter((name) => name.endsWith('.js')).sort();
const text = (name) => readFileSync(new URL(name, WEB), 'utf8');

test('every import is of a file beside it', () => {
  for (const module of MODULES) {
    for (const [, path] of text(module).matchAll(/(?:from|import)\s*\(?'([^']+)'/g)) {
      assert.ok(path.startsWith('./') && MODULES.includes(path.slice(2)), `${module} imports ${path}`);
    }
  }
});

test('the page and its style name nothing from elsewhere', () => {
  for (const name of ['index.html', 'style.css']) {
    const addresses = text(name).match(/(?:src|href)="(?!data:|#)[^"]*"|url\([^)]*\)|@import[^;]*/g) ?? [];
    for (const address of addresses) assert.match(address, /^(src|href)="[a-z]+\.(js|css)"$/);
  }
});

test('every element that a script asks for is on the page', () => {
  const ids = new Set([...text('index.html').matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
  for (const module of ['app.js', 'ui.js']) {
    for (const [, id] of text(module).matchAll(/(?:element|#text)\('([a-z0-9-]+)'/g)) assert.ok(ids.has(id), `${module} asks for #${id}`);
  }
});

test('every module is built into the program', () => {
  const table = readFileSync(new URL('../cli/src/web_client.rs', WEB), 'utf8');
  const built = [...table.matchAll(/"([a-z]+\.js)"/g)].map(([, name]) => name).sort();
  assert.deepEqual(built, MODULES);
});
