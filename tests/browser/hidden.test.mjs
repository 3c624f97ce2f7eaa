// What goes on while nobody looks: the page in a tab behind another one.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';

import { fileOfPage } from './chromium.mjs';
import { launchTabs } from './tabs.mjs';

/** So many ticks of the hidden page's own timer are waited for; the browser gives it one a second. */
const TICKS = 4;

/** Drawn by that timer there would be one. Thirty are aimed at; a slow machine has fewer. */
const LEAST_FRAMES_PER_TICK = 4;

describe('a hidden tab', () => {
  let browser;
  let site;
  before(async () => {
    site = createServer(async (request, response) => {
      const { file, type } = fileOfPage(new URL(request.url, 'http://page').pathname);
      response.setHeader('Content-Type', type);
      response.end(await readFile(file).catch(() => ''));
    });
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    browser = await launchTabs();
  });
  after(async () => {
    await browser?.close();
    site?.closeAllConnections();
    site?.close();
  });

  test('the test picture keeps its pace where the page’s own timers do not', async () => {
    const page = await browser.open(`http://127.0.0.1:${site.address().port}/`);
    await page.evaluate(`(async () => {
      if (document.readyState !== 'complete') await new Promise((resolve) => addEventListener('load', resolve, { once: true }));
      const source = document.getElementById('video-source');
      const filled = () => source.options.length > 0;
      await new Promise((resolve) => filled() ? resolve() : new MutationObserver(() => filled() && resolve()).observe(source, { childList: true }));
      source.value = 'test';
      source.dispatchEvent(new Event('change'));
      const video = document.getElementById('sent-video');
      if (video.videoWidth === 0) await new Promise((resolve) => video.addEventListener('resize', resolve, { once: true }));
    })()`);
    const other = await browser.open('about:blank');
    await other.show();
    const { hidden, frames } = await page.evaluate(`(async () => {
      if (!document.hidden) await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
      const [track] = document.getElementById('sent-video').srcObject.getVideoTracks();
      const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
      let ticks = 0;
      let frames = 0;
      const passed = new Promise((resolve) => {
        const timer = setInterval(() => {
          ticks += 1;
          if (ticks < ${TICKS}) return;
          clearInterval(timer);
          resolve({ done: true });
        }, 1);
      });
      for (;;) {
        const { done, value } = await Promise.race([passed, reader.read()]);
        if (done) break;
        value.close();
        frames += 1;
      }
      return { hidden: document.hidden, frames };
    })()`);
    assert.equal(hidden, true);
    assert.ok(frames >= LEAST_FRAMES_PER_TICK * TICKS, `${frames} frames in ${TICKS} ticks`);
  });
});
