// A third-party peer without a browser does what the page does: see aiortc_peer.py.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startServe } from './product.mjs';

const PYTHON = process.env.PYTHON ?? 'python3';
const SCRIPT = fileURLToPath(new URL('aiortc_peer.py', import.meta.url));

describe('a scripted third-party peer', () => {
  let serve;
  before(async () => {
    serve = await startServe();
  });
  after(() => serve?.stop());

  test('it reads barcode and beep out of what the pipeline returns', async () => {
    const child = spawn(PYTHON, [SCRIPT, `${serve.origin.replace('http', 'ws')}/ws`, serve.session], { stdio: ['ignore', 'pipe', 'pipe'] });
    let report = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (report += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk) => (errors += chunk));
    const [code] = await once(child, 'exit');
    assert.equal(code, 0, `${report}\n${errors}`);
    const { returned, unreadable, beeps, size } = JSON.parse(report);
    assert.ok(returned >= 150 && beeps >= 4, report);
    assert.deepEqual(size, [640, 360]);
    assert.ok(unreadable <= 0.05 * returned, report);
  });
});
