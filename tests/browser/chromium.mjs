// Launches the Chromium of this machine and serves the page's files to it from disk, without a server.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const WEB = fileURLToPath(new URL('../../web/', import.meta.url));

/** Where the page is, as far as the browser knows. A loopback host makes it a secure context. */
export const ORIGIN = 'http://localhost';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  // The last two: pages whose files come from disk count as those of a public site, which may not reach this machine.
  '--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets',
  '--allow-loopback-in-peer-connection',
  // Several pages take part in one call; none of them is to be slowed down for being behind another.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

/**
 * Starts Chromium.
 *
 * @param {{camera?: boolean | {y4m: string, wav: string}}} [options] `camera`: a fake one, showing Chromium's own
 *   picture or the files given; without it there is none.
 */
export function launch({ camera = false } = {}) {
  const args = [...FLAGS];
  if (camera) args.push('--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream=fps=30');
  if (camera.y4m) args.push(`--use-file-for-fake-video-capture=${camera.y4m}`);
  if (camera.wav) args.push(`--use-file-for-fake-audio-capture=${camera.wav}`);
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
}

/** The file of `web/` behind a path of the page, and its type. */
export function fileOfPage(pathname) {
  const name = pathname === '/' ? 'index.html' : pathname.slice(1);
  return { file: new URL(name, `file://${WEB}`), type: TYPES[extname(name)] ?? 'application/octet-stream' };
}

/** Answers the requests of a browser context for the page with the files of `web/`. */
export async function servePage(context, origin = ORIGIN) {
  await context.route(`${origin}/**`, async (route) => {
    const { file, type } = fileOfPage(new URL(route.request().url()).pathname);
    try {
      await route.fulfill({ body: await readFile(file), contentType: type });
    } catch {
      await route.fulfill({ status: 404, body: 'not found' });
    }
  });
}

/**
 * Waits until all these elements of the page show what they should, all at once: they change every second.
 *
 * @param {import('playwright-core').Page} page
 * @param {Record<string, RegExp>} expected by the elements' ids.
 */
export async function figures(page, expected) {
  const patterns = Object.entries(expected).map(([id, { source }]) => [id, source]);
  await page.waitForFunction((list) => list.every(([id, source]) => new RegExp(source).test(document.getElementById(id).textContent)), patterns);
}

/**
 * Runs the body of a test; where it fails, the test's diagnostics tell what every open page showed.
 *
 * @param {import('node:test').TestContext} t
 * @param {() => Promise<void>} body
 * @param {() => import('playwright-core').BrowserContext[]} contexts
 */
export async function telling(t, body, contexts) {
  try {
    await body();
  } catch (error) {
    for (const page of contexts().flatMap((context) => context.pages())) {
      t.diagnostic(await shownBy(page).catch((why) => `${page.url()} cannot be asked: ${why.message}`));
    }
    throw error;
  }
}

/** Status, returned tracks, figures and the list of events of the product's page. */
function shownBy(page) {
  return page.evaluate(() => {
    const text = (id) => document.getElementById(id)?.innerText ?? '';
    const tracks = document.getElementById('returned-video')?.srcObject?.getTracks() ?? [];
    const returned = tracks.map(({ kind, readyState, muted }) => `${kind} ${readyState}${muted ? ' muted' : ''}`);
    const figures = [...document.querySelectorAll('[id^=f-]')].map((figure) => `${figure.id.slice(2)} ${figure.textContent}`);
    const events = [...document.querySelectorAll('#log li')].map((line) => line.textContent);
    const latency = `latency ${text('latency')} ${text('latency-how')}`;
    return [location.href, text('status'), `returned: ${returned.join(', ')}`, latency, figures.join(', '), ...events].join('\n    ');
  });
}
