// A third-party peer without a browser does what the page does: see aiortc_peer.py.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startServe } from './product.mjs';

const PYTHON = process.env.PYTHON ?? 'python3';

/** Data channels that a peer may have open at once. */
const MOST_CHANNELS = 8;

const SCRIPT = fileURLToPath(new URL('aiortc_peer.py', import.meta.url));

describe('a scripted third-party peer', () => {
  let serve;
  before(async () => {
    serve = await startServe();
  });
  after(() => serve?.stop());

  /** Runs the peer to its end and returns its report. */
  async function run(...options) {
    const child = spawn(PYTHON, [SCRIPT, `${serve.origin.replace('http', 'ws')}/ws`, serve.session, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
    let report = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (report += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk) => (errors += chunk));
    const [code] = await once(child, 'exit');
    assert.equal(code, 0, `${report}\n${errors}`);
    return JSON.parse(report);
  }

  test('it reads barcode and beep out of what the pipeline returns', async () => {
    const { returned, unreadable, beeps, size } = await run();
    assert.ok(returned >= 150 && beeps >= 4);
    assert.deepEqual(size, [640, 360]);
    assert.ok(unreadable <= 0.05 * returned, `${unreadable} of ${returned}`);
  });

  test('of the data channels that it opens, those over the limit are closed, and the call goes on', async () => {
    const { channels } = await run('--frames', '60', '--channels', String(MOST_CHANNELS + 1), '--refused', '1');
    assert.deepEqual(channels.toSorted(), ['closed', ...Array(MOST_CHANNELS).fill('open')]);
  });
});
