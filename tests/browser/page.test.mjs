// The page against a scripted signaling server and a loopback peer in a second page: every state it can show.
// Media is real; see call.test.mjs for the real server and pipeline.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ORIGIN, figures, launch, servePage, telling } from './chromium.mjs';
import { SignalingStandIn } from './standin.mjs';

const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));
const URL_OF_SERVER = 'ws://localhost/ws';

/** How long a state may take to show; a test fails after it, none waits for it to pass. */
const DEADLINE_MS = 120_000;

let browser;
let server;
let contexts = [];

async function newContext(options = {}, origin = ORIGIN) {
  const context = await browser.newContext({ viewport: { width: 480, height: 900 }, ...options });
  contexts.push(context);
  context.setDefaultTimeout(DEADLINE_MS);
  await servePage(context, origin);
  await server.attach(context);
  await context.addInitScript({ path: fileOf('reader.js') });
  return context;
}

/** Opens the page; a script error in it fails the test that opened it. */
async function openPage({ query = '?session=studio&name=ana', options = {}, origin = ORIGIN, prepare = null } = {}) {
  const page = await (await newContext(options, origin)).newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  await prepare?.(page);
  await page.goto(`${origin}/${query}`);
  return page;
}

/** Starts a peer that sends back what it gets. */
async function startLoopback(options = {}) {
  const page = await (await newContext()).newPage();
  await page.route(`${ORIGIN}/blank`, (route) => route.fulfill({ body: '<!doctype html>', contentType: 'text/html' }));
  await page.goto(`${ORIGIN}/blank`);
  await page.addScriptTag({ path: fileOf('loopback.js') });
  await page.evaluate((o) => startLoopback(o), { url: URL_OF_SERVER, session: 'studio', peerId: 'blur', ...options });
  return page;
}

const status = (page, title) => page.locator('#status-title', { hasText: title }).waitFor();
const statusText = (page) => page.locator('#status').innerText();
const action = (page, label) => page.locator('#status-actions button', { hasText: label });
const start = (page) => page.locator('#call').click();

async function useTestSources(page) {
  await page.selectOption('#video-source', 'test');
  await page.selectOption('#audio-source', 'test');
}

/** Waits until so many numbered frames came back and returns their numbers. */
async function returnedNumbers(page, count) {
  await page.evaluate(() => {
    globalThis.returnedFrames?.stop();
    globalThis.returnedFrames = collectFrames(document.getElementById('returned-video').srcObject);
  });
  await page.waitForFunction((n) => returnedFrames.filter(({ number }) => number !== null).length >= n, count);
  return page.evaluate(() => returnedFrames.map(({ number }) => number).filter((number) => number !== null));
}

/** A call with the test picture, up and running. */
async function liveCall({ loopback = {}, ...page } = {}) {
  const remote = await startLoopback(loopback);
  const local = await openPage(page);
  await useTestSources(local);
  await start(local);
  await status(local, 'Live');
  return { local, remote };
}

function suite(name, launchOptions, tests) {
  describe(name, () => {
    before(async () => {
      browser = await launch(launchOptions);
    });
    after(() => browser.close());
    afterEach(async () => {
      await Promise.all(contexts.map((context) => context.close()));
      contexts = [];
    });
    for (const [title, body] of Object.entries(tests)) {
      test(title, async (t) => {
        server = new SignalingStandIn();
        await telling(t, body, () => contexts);
      });
    }
  });
}

suite('a call', { camera: true }, {
  'what is sent comes back in order, and the figures appear': async () => {
    const { local } = await liveCall({ loopback: { blur: true } });
    const numbers = await returnedNumbers(local, 40);
    const steps = numbers.slice(1).map((number, i) => (number - numbers[i] + 4096) % 4096);
    assert.ok(steps.every((step) => step < 2048), `out of order: ${numbers}`);
    await figures(local, {
      'latency-how': /exact/,
      latency: /^\d+/,
      'f-p50': /^[\d.]+ ms$/,
      'f-p95': /^[\d.]+ ms$/,
      'f-rtt': /^[\d.]+ ms$/,
      'f-sent-size': /^1280×720$/,
      'f-sent-codec': /^H264, opus$/,
      'f-sent-rate': /^\d+\.\d fps$/,
      'f-sent-audio': /\d/,
      'f-returned-size': /^\d+×\d+$/,
      'f-returned-video': /\d/,
      'f-returned-loss': /\d/,
      'f-route': /^host–\w+ udp$/,
    });
    assert.match(await local.locator('#peers').innerText(), /ana\s+you[\s\S]*blur\s+pipeline · connected/);
  },

  'a camera that shows no numbers is measured by its pictures': async () => {
    await startLoopback({ blur: true });
    const page = await openPage();
    await start(page);
    await status(page, 'Live');
    await figures(page, { 'latency-how': /comparing pictures/, latency: /^\d+/ });
  },

  'it waits for a pipeline and calls it when it comes': async () => {
    server.addPeer('studio', { peer_id: 'ben', display_name: 'Ben' });
    const page = await openPage();
    await start(page);
    await status(page, 'Waiting for a pipeline');
    assert.match(await page.locator('#peers').innerText(), /Ben/);
    await startLoopback();
    await status(page, 'Live');
  },

  'offers that cross make one connection, whoever is the polite one': async () => {
    for (const peerId of ['aaa', 'zzz']) {
      const page = await openPage({ query: '?session=studio&name=mmm' });
      await useTestSources(page);
      await start(page);
      await status(page, 'Waiting');
      const loopback = await startLoopback({ peerId, offers: true });
      await status(page, 'Live');
      await returnedNumbers(page, 5);
      const offers = server.requests.filter(({ method }) => method === 'peer.offer').map(({ from }) => from);
      assert.deepEqual(offers.sort(), ['mmm', peerId].sort(), 'both offered, and once');
      await page.context().close();
      await loopback.context().close();
      server.requests.length = 0;
    }
  },

  'a pipeline that leaves and comes back is called again': async () => {
    const { local, remote } = await liveCall();
    await remote.evaluate(() => loopback.leave());
    await status(local, 'The pipeline left');
    await local.locator('#returned-empty').waitFor();
    await startLoopback({ peerId: 'blur-2' });
    await status(local, 'Live');
    await returnedNumbers(local, 5);
  },

  'a pipeline that ends the call ends it here': async () => {
    const { local, remote } = await liveCall();
    await remote.evaluate(() => loopback.endCall('ana'));
    await status(local, 'Call ended');
    assert.match(await statusText(local), /The pipeline ended the call: enough\./);
    assert.equal(await local.locator('#call').innerText(), 'Start call');
  },

  'a connection that the other end closes is noticed at once and made anew on demand': async () => {
    const { local, remote } = await liveCall();
    await remote.evaluate(() => loopback.hangUp());
    await status(local, 'Connection lost');
    await action(local, 'Try again').click();
    await status(local, 'Live');
    await returnedNumbers(local, 5);
  },

  'ending the call tells the others and gives the page back': async () => {
    const { local } = await liveCall();
    await start(local);
    await status(local, 'Ready');
    const ended = server.requests.filter(({ method }) => method === 'call.end' || method === 'peer.leave').map(({ method }) => method);
    assert.deepEqual(ended, ['call.end', 'peer.leave']);
    assert.equal(await local.locator('#session').isEnabled(), true);
    await start(local);
    await status(local, 'Live');
  },

  'a double click that ends a call begins no other one': async () => {
    const { local } = await liveCall();
    await local.locator('#call').dblclick();
    await status(local, 'Ready');
    assert.equal(await local.locator('#call').innerText(), 'Start call');
    assert.equal(server.requests.filter(({ method, params }) => method === 'peer.announce' && params.peer_id === 'ana').length, 1);
  },

  'camera and microphone go dark and silent, and come back': async () => {
    const { local } = await liveCall();
    await returnedNumbers(local, 5);
    await local.evaluate(() => {
      globalThis.sound = collectSound(document.getElementById('returned-video').srcObject);
    });
    await local.waitForFunction(() => sound.slice(-20).some(({ rms }) => rms > 0.01));
    await local.locator('#toggle-camera').click();
    await local.locator('#toggle-microphone').click();
    await local.waitForFunction(() => returnedFrames.at(-1).meanLuma < 8);
    await local.waitForFunction(() => sound.length > 50 && sound.slice(-30).every(({ rms }) => rms < 0.002));
    await local.locator('#toggle-camera').click();
    await local.locator('#toggle-microphone').click();
    await local.waitForFunction(() => returnedFrames.at(-1).meanLuma > 40);
    await local.waitForFunction(() => sound.slice(-20).some(({ rms }) => rms > 0.01));
  },

  'another source is sent without a new negotiation': async () => {
    const { local } = await liveCall();
    await returnedNumbers(local, 5);
    const offers = () => server.requests.filter(({ method }) => method === 'peer.offer').length;
    const made = offers();
    const camera = await local.locator('#video-source option').first().getAttribute('value');
    await local.selectOption('#video-source', camera);
    // Chromium's camera is green; its corners and its clock pass for numbers now and then.
    await local.waitForFunction(() => returnedFrames.slice(-10).every(({ mean: [red, green, blue] }) => green > 2 * Math.max(red, blue)));
    await local.selectOption('#video-source', 'test');
    await returnedNumbers(local, 10);
    assert.equal(offers(), made);
  },

  'its connections use the ICE servers that the server names, and those alone that the browser takes': async () => {
    const relay = { urls: ['turn:127.0.0.1:9?transport=udp'], username: 'ana', credential: 'secret' };
    server.iceServers = [relay, { urls: ['stun:127.0.0.1:9?transport=udp'] }, 'stun:127.0.0.1'];
    const spied = (p) =>
      p.addInitScript(() => {
        globalThis.RTCPeerConnection = class extends RTCPeerConnection {
          constructor(...options) {
            super(...options);
            globalThis.connection = this;
          }
        };
      });
    const { local } = await liveCall({ prepare: spied });
    const [used, ...others] = await local.evaluate(() => connection.getConfiguration().iceServers.map(({ urls, username, credential }) => ({ urls, username, credential })));
    assert.deepEqual([used, others], [relay, []]);
    const log = await local.locator('#log').innerText();
    assert.match(log, /ice_servers\[1\] is left out: .*stun:127/);
    assert.match(log, /ice_servers\[2\] is left out: it is no object/);
    assert.doesNotMatch(log, /secret/);
  },

  'data of the pipeline is shown, and what is no data is named': async () => {
    const { local, remote } = await liveCall();
    const header = { kind: 'data', type: 'json', sequence: 17, media_time_ns: 5.2e9, output: 'level' };
    await remote.evaluate((h) => loopback.sendData(h, '{"rms_db":-23.4}'), header);
    await local.locator('#data', { hasText: '-23.4' }).waitFor();
    assert.equal(await local.locator('#data-head').innerText(), 'level · no. 17 · at 5.20 s');
    await remote.evaluate((h) => loopback.sendData(h, 'oops'), header);
    await local.locator('#log', { hasText: 'payload is not JSON' }).waitFor();
  },

  'a peer that is no pipeline gets an answer but neither picture nor sound': async () => {
    const { local } = await liveCall();
    const other = await startLoopback({ peerId: 'curious', pipeline: false, offers: true });
    await local.locator('#peers li', { hasText: 'curious' }).filter({ hasText: /connected|connecting/ }).waitFor();
    await other.waitForFunction(() => loopback.directions('ana').every((direction) => direction !== null) && loopback.directions('ana').length === 2);
    for (const direction of await other.evaluate(() => loopback.directions('ana'))) assert.equal(direction, 'sendonly');
    await status(local, 'Live');
  },
});

suite('the server', { camera: true }, {
  'one that is not there is named, and found when it comes': async () => {
    server.stop();
    const page = await openPage();
    await status(page, /Server (not reached|lost)/);
    assert.match(await statusText(page), /localhost/);
    await start(page);
    await page.locator('#log', { hasText: 'not joined' }).waitFor();
    server.start();
    await page.locator('#server[data-state=connected]').waitFor();
    await status(page, 'Ready');
  },

  'one that is not there is tried at once on demand': async () => {
    server.stop();
    // Left to itself, the page would wait for days.
    const page = await openPage({ prepare: (p) => p.addInitScript(() => (Math.random = () => 1e6)) });
    await status(page, /Server (not reached|lost)/);
    server.start();
    await action(page, 'Try now').click();
    await page.locator('#server[data-state=connected]').waitFor();
  },

  'one that is lost in a call does not end it, and the old place is taken again': async () => {
    const { local } = await liveCall();
    await returnedNumbers(local, 5);
    server.stop();
    await status(local, 'Server lost');
    await returnedNumbers(local, 20);
    server.start();
    await local.locator('#server[data-state=connected]').waitFor();
    const resumed = await local.waitForFunction(() => [...document.querySelectorAll('#log li')].some((line) => line.textContent.includes('back in session')));
    assert.ok(resumed);
    const announcements = server.requests.filter(({ method, params }) => method === 'peer.announce' && params.peer_id === 'ana');
    assert.deepEqual(announcements.map(({ params }) => params.resume_token), [undefined, 'token-ana']);
    await returnedNumbers(local, 20);
  },

  'a pipeline that gave this page up while the server was lost is called again': async () => {
    const { local } = await liveCall();
    server.drop('studio', 'ana');
    await local.locator('#log', { hasText: 'back in session' }).waitFor();
    // Until the farewell of the other end arrives, the old connection passes for a living one.
    await local.locator('#log li', { hasText: 'calling blur' }).nth(1).waitFor();
    await status(local, 'Live');
    await returnedNumbers(local, 5);
    assert.equal(server.requests.filter(({ method }) => method === 'call.start').length, 2);
  },

  'a pipeline that came back before this page is called again, though server and pipeline count from one': async () => {
    // Left to itself, the page would wait for days, and the pipeline be there before it.
    const { local, remote } = await liveCall({ prepare: (p) => p.addInitScript(() => (Math.random = () => 1e6)) });
    server.stop();
    await remote.evaluate(() => loopback.hangUp());
    await status(local, 'Connection lost');
    server.start();
    await startLoopback();
    await local.evaluate(() => dispatchEvent(new Event('online')));
    await status(local, 'Live');
    await returnedNumbers(local, 5);
  },

  'a short interruption ends no call whose pipeline is not back at the server yet': async () => {
    const { local } = await liveCall({
      prepare: (p) =>
        p.addInitScript(() => {
          globalThis.RTCPeerConnection = class extends RTCPeerConnection {
            constructor(...options) {
              super(...options);
              globalThis.connection = this;
            }
            get connectionState() {
              return globalThis.pretended ?? super.connectionState;
            }
          };
        }),
    });
    const pretend = (state) =>
      local.evaluate((s) => {
        globalThis.pretended = s;
        connection.dispatchEvent(new Event('connectionstatechange'));
      }, state);
    server.stop();
    server.start();
    await local.locator('#log', { hasText: 'back in session' }).waitFor();
    await pretend('disconnected');
    await status(local, 'Interrupted');
    await pretend(null);
    await status(local, 'Live');
    await returnedNumbers(local, 5);
  },

  'where another pipeline takes over, the one that lost only the server gets no picture any more': async () => {
    const { local, remote } = await liveCall();
    server.drop('studio', 'blur');
    await local.locator('#log', { hasText: 'blur left: disconnected' }).waitFor();
    await status(local, 'Live');
    await startLoopback({ peerId: 'blur-2' });
    await local.locator('#log', { hasText: 'blur-2: connected' }).waitFor();
    await remote.waitForFunction(() => loopback.endedBy('ana'));
    await returnedNumbers(local, 5);
  },

  'one that is lost with the call is told together with it, and the call begins anew when it is back': async () => {
    // Left to itself, the page would wait for days.
    const { local, remote } = await liveCall({ prepare: (p) => p.addInitScript(() => (Math.random = () => 1e6)) });
    server.stop();
    await status(local, 'Server lost');
    await remote.evaluate(() => loopback.hangUp());
    await status(local, 'Connection lost');
    assert.match(await statusText(local), /server is lost, too/);
    server.start();
    await startLoopback();
    await action(local, 'Try now').click();
    await status(local, 'Live');
    await returnedNumbers(local, 5);
  },

  'another one than the page’s own is named, and both reasons why it may not be reached': async () => {
    // The answer of a server that does not take pages of this origin; the browser keeps it from the page.
    const refused = new Set();
    const other = createServer().on('upgrade', ({ headers }, socket) => {
      refused.add(headers.origin);
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const host = `127.0.0.1:${other.address().port}`;
    try {
      const page = await openPage({ query: `?server=ws://${host}/signaling` });
      await status(page, 'Server not reached');
      assert.match(await statusText(page), new RegExp(`Nothing answers at ${host}, or it refuses this page: .*--allow-origin ${ORIGIN}`));
      assert.match(await page.locator('#server').innerText(), new RegExp(`Other server ${host} · no connection`));
      assert.deepEqual([...refused], [ORIGIN]);
      await action(page, 'Use own server').click();
      await page.locator('#server[data-state=connected]').waitFor();
      assert.equal(new URL(page.url()).search, '');
    } finally {
      other.close();
    }
  },

  'another one than the page’s own is named while it is used': async () => {
    const page = await openPage({ query: '?server=ws://other.example:9000/ws' });
    await page.locator('#server[data-state=connected]').waitFor();
    assert.match(await page.locator('#server').innerText(), /Other server other\.example:9000/);
    await status(page, 'Ready');
    assert.match(await statusText(page), /talks to other\.example:9000, another server than it came from/);
  },

  'an address that is none is repeated, and nothing can be started': async () => {
    const page = await openPage({ query: '?session=studio&server=other:9000' });
    await status(page, 'No such server');
    assert.match(await statusText(page), /server=other:9000, which is no WebSocket address like ws:\/\/localhost:8080\/ws/);
    assert.equal(await page.locator('#call').isDisabled(), true);
    await action(page, 'Use own server').click();
    await page.locator('#server[data-state=connected]').waitFor();
    assert.equal(new URL(page.url()).searchParams.get('session'), 'studio');
  },

  'one that talks nonsense is left': async () => {
    const page = await openPage();
    await page.locator('#server[data-state=connected]').waitFor();
    server.stop();
    server.start();
    await page.locator('#server[data-state=connected]').waitFor();
    server.refuse['server.info'] = () => {
      server.broadcast('<html>');
      return null;
    };
    server.stop();
    server.start();
    await page.locator('#status-text', { hasText: 'is no RemoteMedia server: the server sent something that is not JSON' }).waitFor();
  },

  'one of another version of the protocol is left': async () => {
    server.protocol = 2;
    const page = await openPage();
    await page.locator('#status-text', { hasText: 'speaks version 2 of the protocol, and this page 1' }).waitFor();
  },

  'a taken name offers the next one': async () => {
    server.addPeer('studio', { peer_id: 'ana' });
    const page = await openPage();
    await start(page);
    await status(page, '“ana” is taken');
    await action(page, 'Join as ana-2').click();
    await status(page, 'Waiting for a pipeline');
    assert.equal(await page.locator('#name').inputValue(), 'ana-2');
  },

  'a full session is named with its limit': async () => {
    server.maxPeers = 2;
    server.addPeer('studio', { peer_id: 'a' });
    server.addPeer('studio', { peer_id: 'b' });
    const page = await openPage();
    await page.locator('#session-hint', { hasText: 'full' }).waitFor();
    await start(page);
    await status(page, 'Session studio is full');
    assert.match(await statusText(page), /2 peers at most/);
  },

  'sessions are listed as they come, and can be chosen': async () => {
    const page = await openPage({ query: '' });
    await page.locator('#sessions', { hasText: 'None yet' }).waitFor();
    server.addPeer('workshop', { peer_id: 'ben' });
    await page.locator('#sessions button', { hasText: 'workshop' }).click();
    assert.equal(await page.locator('#session').inputValue(), 'workshop');
    await page.locator('#session-hint', { hasText: '1 of 10 peers' }).waitFor();
  },

  'a pipeline that does not answer is named after the deadline, and called again on demand': async () => {
    await startLoopback({ silent: true });
    const page = await openPage({ prepare: (p) => p.clock.install() });
    await useTestSources(page);
    await start(page);
    await status(page, 'Connecting');
    await page.waitForFunction(() => [...document.querySelectorAll('#log li')].some((line) => line.textContent.includes('calling blur')));
    await page.clock.fastForward(15_000);
    await status(page, 'No answer');
    const offers = () => server.requests.filter(({ method }) => method === 'peer.offer').length;
    assert.equal(offers(), 1);
    await action(page, 'Try again').click();
    await status(page, 'Connecting');
  },

  'an offer that the server refuses is told with its sentence': async () => {
    server.refuse['peer.offer'] = { code: -32008, message: 'message of 300000 bytes is over the limit of 262144' };
    await startLoopback();
    const page = await openPage();
    await start(page);
    await status(page, 'Call refused');
    assert.match(await statusText(page), /over the limit of 262144/);
  },

  'a pipeline that turns the call down is told with its reason': async () => {
    await startLoopback({ refuses: 'session is full: 10 peers' });
    const page = await openPage();
    await start(page);
    await status(page, 'Call refused');
    assert.match(await statusText(page), /session is full: 10 peers/);
  },

  'a name that is not allowed is marked before anything is sent': async () => {
    const page = await openPage({ query: '?session=my%20studio' });
    await page.locator('#session-hint', { hasText: 'Letters, digits' }).waitFor();
    await start(page);
    assert.equal(await page.locator('#session').getAttribute('aria-invalid'), 'true');
    assert.equal(server.requests.some(({ method }) => method === 'peer.announce'), false);
    const long = await openPage({ query: `?session=${'s'.repeat(65)}&name=${'n'.repeat(65)}` });
    await long.locator('#session-hint', { hasText: '65 characters: at most 64' }).waitFor();
    assert.equal((await long.locator('#name').inputValue()).length, 64);
  },
});

suite('the camera', { camera: true }, {
  'each way in which it fails has its message': async () => {
    const failures = { NotAllowedError: 'Camera refused', NotReadableError: 'Camera in use', OverconstrainedError: 'That camera is gone' };
    for (const [name, title] of Object.entries(failures)) {
      const page = await openPage({
        prepare: (p) =>
          p.addInitScript((errorName) => {
            navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('by the test', errorName));
          }, name),
      });
      await start(page);
      await status(page, title);
      await page.context().close();
    }
  },

  'one that is unplugged is named': async () => {
    const page = await openPage();
    await page.waitForFunction(() => document.getElementById('sent-video').videoWidth > 0);
    await page.evaluate(() => document.getElementById('sent-video').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended')));
    await status(page, 'That camera is gone');
  },

  'one that was unplugged is not sent any more: a call opens it anew': async () => {
    const page = await openPage();
    await page.waitForFunction(() => document.getElementById('sent-video').videoWidth > 0);
    await page.evaluate(() => {
      const [track] = document.getElementById('sent-video').srcObject.getVideoTracks();
      track.stop();
      track.dispatchEvent(new Event('ended'));
    });
    await status(page, 'That camera is gone');
    await start(page);
    await status(page, 'Waiting for a pipeline');
    await page.waitForFunction(() => document.getElementById('sent-video').srcObject.getVideoTracks()[0].readyState === 'live');
  },

  'a microphone that opens does not hide that the camera failed': async () => {
    const page = await openPage({
      prepare: (p) =>
        p.addInitScript(() => {
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = (wish) => (wish.video ? Promise.reject(new DOMException('by the test', 'NotReadableError')) : open(wish));
        }),
    });
    await status(page, 'Camera in use');
    await page.selectOption('#audio-source', 'test');
    await page.waitForFunction(() => document.getElementById('audio-source').value === 'test');
    await status(page, 'Camera in use');
  },
});

suite('no camera', {}, {
  'a machine without one says so and offers the test picture': async () => {
    const page = await openPage();
    await page.locator('#open-camera').click();
    await status(page, 'No camera found');
    await action(page, 'Use test picture').click();
    await page.waitForFunction(() => document.getElementById('sent-video').videoWidth === 1280);
    await status(page, 'Ready');
    await start(page);
    await status(page, 'Waiting for a pipeline');
    assert.equal(await page.locator('#audio-source').inputValue(), 'silence');
  },

  'a page that is not secure says so and still calls with the test picture': async () => {
    const origin = 'http://remotemedia.test';
    await startLoopback();
    const page = await openPage({ origin });
    await status(page, 'Camera needs a secure page');
    assert.match(await statusText(page), /https:/);
    await action(page, 'Use test picture').click();
    await page.selectOption('#audio-source', 'test');
    await start(page);
    await status(page, 'Live');
    await returnedNumbers(page, 5);
  },
});

suite('the layout', { camera: true }, {
  'nothing moves from idle to live to failure, and nothing sticks out': async () => {
    const sizes = [[360, 740], [768, 1000], [1280, 800], [1600, 900], [2200, 1200]];
    const page = await openPage();
    await status(page, 'Ready');
    await page.evaluate(() => document.fonts.ready);
    /** Where everything is, in windows of each size. */
    const places = async () => {
      const all = {};
      for (const [width, height] of sizes) {
        await page.setViewportSize({ width, height });
        all[width] = await page.evaluate(() =>
          [...document.querySelectorAll('.status, .tile, .name, .delay, .label, .panel, .controls, .controls button, tbody tr, dl > div, .field, .plot svg')].map((element) => {
            const { left, top, width: w, height: h } = element.getBoundingClientRect();
            return [element.className || element.parentElement.id, Math.round(left), Math.round(top + scrollY), Math.round(w), Math.round(h)].join(' ');
          }),
        );
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${wide} px wide in a window of ${width}`);
      }
      return all;
    };
    const idle = await places();
    await useTestSources(page);
    await start(page);
    await status(page, 'Waiting');
    assert.deepEqual(await places(), idle, 'waiting');
    const loopback = await startLoopback();
    await status(page, 'Live');
    await page.waitForFunction(() => /\d/.test(document.getElementById('f-p50').textContent));
    assert.deepEqual(await places(), idle, 'live');
    await loopback.context().close();
    await status(page, 'The pipeline left');
    assert.deepEqual(await places(), idle, 'left');
    server.stop();
    await status(page, 'Server lost');
    assert.deepEqual(await places(), idle, 'lost');
  },

  'every message fits into the room that is kept for it': async () => {
    const page = await openPage();
    await status(page, 'Ready');
    for (const width of [360, 640, 1100, 1240, 1400, 1900]) {
      await page.setViewportSize({ width, height: 800 });
      const tall = await page.evaluate(async () => {
        const { addressMessage, captureMessage, serverMessage, callMessage, joinMessage, readyMessage } = await import('/messages.js');
        const { serverOf } = await import('/address.js');
        const { RpcError, WireError, CODE } = await import('/signaling.js');
        const { Ui } = await import('/ui.js');
        const ui = new Ui(document);
        const height = () => document.getElementById('status').getBoundingClientRect().height;
        const host = 'media.example.org:8080';
        const call = { session: 'studio', others: 12, pipeline: 'background-blur', present: true, relay: true, lost: false };
        const refusal = (code) => new RpcError('peer.announce', { code, message: 'peer id is taken', data: { max_peers: 10 } });
        const server = (reason, known, state, foreign) =>
          serverMessage(
            { error: new WireError(reason, 'the server sent something that is not JSON'), known, membership: state === 'idle' ? null : {}, call: { state } },
            { host, foreign, origin: 'http://192.168.100.100:8080' },
          );
        const calls = (about) => [
          ...['waiting', 'connecting', 'connected', 'interrupted'].map((state) => callMessage({ state, cause: null, fault: null }, about)),
          ...['disconnected', 'too_slow'].map((cause) => callMessage({ state: 'waiting', cause, fault: null }, about)),
          ...['no_answer', 'no_path', 'lost', 'refused'].map((cause) => callMessage({ state: 'failed', cause, fault: null }, about)),
        ];
        const messages = [
          ...[false, true].map((foreign) => readyMessage({ host, foreign })),
          ...['media.example.org:8080', 'ws://media.example.org:8080/ws#x'].map((named) =>
            addressMessage(serverOf({ protocol: 'http:', host: 'h', search: `?server=${encodeURIComponent(named)}` })),
          ),
          addressMessage(serverOf({ protocol: 'https:', host: 'h', search: '?server=ws://media.example.org:8080/ws' })),
          ...['camera', 'microphone'].flatMap((kind) =>
            ['Insecure', 'NotAllowedError', 'NotFoundError', 'OverconstrainedError', 'NotReadableError'].map((reason) => captureMessage({ kind, reason, message: '' })),
          ),
          ...['unreachable', 'lost', 'full', 'garbage', 'version'].flatMap((reason) =>
            [server(reason, true, 'idle', false), server(reason, true, 'waiting', false), server(reason, true, 'connected', false), server(reason, false, 'idle', true)],
          ),
          ...[call, { ...call, present: false }, { ...call, lost: true }].flatMap(calls),
          ...[CODE.PEER_ID_TAKEN, CODE.SESSION_FULL, CODE.TOO_MANY_SESSIONS, CODE.INVALID_NAME, -32602].map((code) => joinMessage(refusal(code), { session: 'studio', peerId: 'ana-maria' })),
        ];
        const kept = height();
        const over = messages.flatMap((message) => {
          ui.status(message, () => {});
          return height() > kept ? [`${height() - kept} px: ${message.title}: ${message.text}`] : [];
        });
        ui.status(readyMessage({ host, foreign: false }), () => {});
        return over;
      });
      assert.deepEqual(tall, [], `at ${width}`);
    }
  },

  'every control has a name and is reached by the keyboard alone': async () => {
    const page = await openPage();
    await status(page, 'Ready');
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, select, video')]
        .filter((element) => !(element.labels?.[0] ?? element).textContent.trim() && !element.getAttribute('aria-label'))
        .map((element) => element.outerHTML),
    );
    assert.deepEqual(nameless, []);
    const reached = [];
    for (let i = 0; i < 15 && !reached.includes('audio-source'); i += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement.id));
    }
    for (const id of ['call', 'toggle-camera', 'toggle-microphone', 'toggle-listen', 'session', 'name', 'video-source', 'audio-source']) {
      assert.ok(reached.includes(id), `${id} not reached: ${reached}`);
    }
    await page.locator('#name').focus();
    await page.keyboard.press('Enter');
    await status(page, 'Waiting for a pipeline');
  },
});
