// Starts `remotemedia serve` for a test and ends it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The program under test. */
const BINARY = process.env.REMOTEMEDIA_BIN ?? `${ROOT}target/debug/remotemedia`;

/** How long it may take to say where it listens; a debug build on a busy machine takes its time. */
const START_DEADLINE_MS = 60_000;

/**
 * Serves a manifest.
 *
 * @param {{manifest?: string, session?: string, listen?: string}} [options] `listen`: port 0 takes any free one.
 * @returns {Promise<{origin: string, session: string, output: () => string, stop: () => Promise<number | null>}>}
 *   `stop` sends Ctrl-C and resolves to the exit code.
 */
export async function startServe({ manifest = 'manifests/background_blur.json', session = 'studio', listen = '127.0.0.1:0' } = {}) {
  const child = spawn(BINARY, ['serve', manifest, '--listen', listen, '--session', session], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const ended = once(child, 'exit').then(([code]) => code);
  const origin = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(`no address within ${START_DEADLINE_MS / 1000} s`), START_DEADLINE_MS);
    const fail = (why) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`${BINARY} serve: ${why}\n${output}`));
    };
    const read = (chunk) => {
      output += chunk;
      const url = /https?:\/\/[\w.:[\]]+/.exec(output)?.[0];
      if (!url) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', (chunk) => (output += chunk));
    child.on('error', (error) => fail(`${error.message}; build it with cargo build --bin remotemedia, or name it in REMOTEMEDIA_BIN`));
    ended.then((code) => fail(`ended with ${code}`));
  });
  return {
    origin,
    session,
    output: () => output,
    async stop() {
      child.kill('SIGINT');
      return ended;
    },
  };
}

/**
 * A way to a server that can be cut while server and media go on.
 *
 * @param {string} origin of the server.
 * @returns {Promise<{origin: string, cut: () => void, mend: () => void, close: () => void}>} `cut` breaks what is connected
 *   and lets nothing through until `mend`.
 */
export async function cuttableWay(origin) {
  const { hostname, port } = new URL(origin);
  const open = new Set();
  let isCut = false;
  const way = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    open.add(near);
    near.pipe(far).pipe(near);
    // An end that breaks takes the other with it.
    for (const [end, other] of [[near, far], [far, near]]) end.on('error', () => {}).on('close', () => other.destroy());
    near.on('close', () => open.delete(near));
  });
  way.listen(0, '127.0.0.1');
  await once(way, 'listening');
  const cut = () => {
    isCut = true;
    for (const near of open) near.destroy();
  };
  return {
    origin: `http://127.0.0.1:${way.address().port}`,
    cut,
    mend: () => (isCut = false),
    close() {
      cut();
      way.close();
    },
  };
}
