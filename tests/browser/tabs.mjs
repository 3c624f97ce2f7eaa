// Chromium as a person has it: tabs of one window, of which one is seen, at the pace that the browser gives the hidden ones.
// Playwright holds every page to be seen, so this speaks with the browser itself (Chrome DevTools Protocol, by a pipe).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'];

/**
 * Starts Chromium.
 *
 * @returns {Promise<{open: (url: string) => Promise<{evaluate: (expression: string) => Promise<any>, show: () => Promise<void>}>, close: () => Promise<void>}>}
 *   `evaluate` waits for promises; `show` puts the tab before the others.
 */
export async function launchTabs() {
  const profile = await mkdtemp(join(tmpdir(), 'tabs-'));
  const browser = spawn(process.env.CHROMIUM ?? '/usr/bin/chromium', [...FLAGS, '--remote-debugging-pipe', `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const ended = once(browser, 'exit');
  const [, , , requests, replies] = browser.stdio;
  const waiting = new Map();
  let rest = '';
  replies.setEncoding('utf8').on('data', (chunk) => {
    const messages = (rest + chunk).split('\0');
    rest = messages.pop();
    for (const { id, result, error } of messages.map((text) => JSON.parse(text))) {
      if (error) waiting.get(id)?.reject(new Error(error.message));
      else waiting.get(id)?.resolve(result);
      waiting.delete(id);
    }
  });
  ended.then(() => waiting.forEach(({ reject }) => reject(new Error('the browser ended'))));
  let lastId = 0;
  const ask = (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      requests.write(`${JSON.stringify({ id: lastId, method, params, sessionId })}\0`);
    });

  return {
    async open(url) {
      const { targetId } = await ask('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });
      // Answered when the page is the new one.
      await ask('Page.navigate', { url }, sessionId);
      return {
        async evaluate(expression) {
          const { result, exceptionDetails } = await ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId);
          if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
          return result.value;
        },
        async show() {
          await ask('Target.activateTarget', { targetId });
        },
      };
    },
    async close() {
      await ask('Browser.close');
      await ended;
      await rm(profile, { recursive: true, force: true });
    },
  };
}
