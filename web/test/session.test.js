// The session against a scripted server, with connections that only note what they are made with.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

const connections = [];

globalThis.MediaStream = class {};
globalThis.RTCRtpReceiver = class {};
globalThis.RTCPeerConnection = class {
  signalingState = 'stable';
  remoteDescription = null;

  constructor(configuration) {
    if (configuration.iceServers.some(({ urls }) => urls.includes('stun:'))) throw new SyntaxError('"stun:" is no address');
    this.configuration = configuration;
    connections.push(this);
  }

  getConfiguration() {
    return this.configuration;
  }

  setConfiguration(configuration) {
    this.configuration = configuration;
  }

  createDataChannel() {
    return {};
  }

  restartIce() {
    this.restarted = true;
  }

  close() {
    this.closed = true;
  }
};

const { Session } = await import('../session.js');

const BLUR = { peer_id: 'blur', role: 'peer', capabilities: { pipeline: true }, generation: 1 };
const stun = { urls: ['stun:stun.example'], username: undefined, credential: undefined };

/** A server that answers at once. */
class Server {
  info = { name: 'scripted', version: '0', protocol: 1 };
  peers = [BLUR];
  requests = [];
  silent = false;

  get Socket() {
    const server = this;
    return class {
      readyState = 1;
      constructor() {
        queueMicrotask(() => this.onopen());
        server.socket = this;
      }
      send(text) {
        const { id, method, params } = JSON.parse(text);
        server.requests.push({ method, params });
        if (server.silent) return;
        const results = {
          'server.info': server.info,
          'events.subscribe': 1,
          'peer.announce': { session: 'studio', peer_id: 'ana', generation: 1, resume_token: 'token', topology: 'mesh', max_peers: 10, peers: server.peers },
        };
        const reply = JSON.stringify({ jsonrpc: '2.0', id, result: results[method] ?? {} });
        queueMicrotask(() => this.onmessage?.({ data: reply }));
      }
      close() {
        this.readyState = 3;
      }
    };
  }

  asked(method) {
    return this.requests.filter((request) => request.method === method).length;
  }
}

/** A session that is connected, what it logged, and its keepalive in the hands of the test. */
async function connected(server) {
  const ticks = new Set();
  const every = (_periodMs, tick) => {
    ticks.add(tick);
    return () => ticks.delete(tick);
  };
  const session = new Session('ws://host/ws', { every, Socket: server.Socket });
  const log = [];
  session.addEventListener('log', ({ detail }) => log.push(detail));
  session.open();
  await until(session, () => session.server.state === 'connected');
  return { session, log, ticks };
}

async function until(session, holds) {
  while (!holds()) await new Promise((resolve) => session.addEventListener('change', resolve, { once: true }));
}

/** Lets everything happen that waits for nothing but its turn. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const join = (session) => session.join({ session: 'studio', peerId: 'ana', displayName: '', stream: { getTracks: () => [] } });

beforeEach(() => connections.splice(0));

test('a call uses the ICE servers that the server names', async () => {
  const server = new Server();
  server.info.ice_servers = [stun];
  const { session, log } = await connected(server);
  await join(session);
  assert.deepEqual(connections.at(-1).configuration.iceServers, [stun]);
  assert.equal(log.some((line) => line.includes('ice_servers')), false);
  session.close();
});

test('what is no ICE server is left out and logged once, however often it is told', async () => {
  const server = new Server();
  server.info.ice_servers = [{ urls: ['stun:'] }, { urls: 7 }, stun];
  const { session, log, ticks } = await connected(server);
  for (const tick of ticks) tick();
  await settled();
  await join(session);
  assert.deepEqual(connections.at(-1).configuration.iceServers, [stun]);
  assert.deepEqual(log.filter((line) => line.includes('ice_servers')), [
    'server.info: ice_servers[0] is left out: "stun:" is no address',
    'server.info: ice_servers[1] is left out: its urls are no list of addresses',
  ]);
  session.close();
});

test('a server that names none leaves the call without', async () => {
  const { session } = await connected(new Server());
  await join(session);
  assert.deepEqual(connections.at(-1).configuration.iceServers, []);
  assert.equal(session.hasRelay, false);
  session.close();
});

test('a connection that is restarted uses what the server named last', async () => {
  const server = new Server();
  server.info.ice_servers = [{ urls: ['turn:relay.example'], username: '1', credential: 'old' }];
  const { session, ticks } = await connected(server);
  await join(session);
  const call = connections.at(-1);
  call.connectionState = 'connected';
  call.onconnectionstatechange();
  call.connectionState = 'failed';
  call.onconnectionstatechange();
  server.info.ice_servers = [{ urls: ['turn:relay.example'], username: '2', credential: 'new' }];
  for (const tick of ticks) tick();
  await settled();
  session.retry();
  assert.deepEqual([call.restarted, call.configuration.iceServers[0].username, session.hasRelay], [true, '2', true]);
  session.close();
});

test('the keepalive asks at the pace it is given, and ends with the connection', async () => {
  const server = new Server();
  const { session, ticks } = await connected(server);
  const before = server.asked('server.info');
  for (const tick of ticks) tick();
  assert.equal(server.asked('server.info'), before + 1);
  server.socket.onclose({ code: 1006, reason: '' });
  await until(session, () => session.server.state === 'lost');
  assert.equal(ticks.size, 0);
  session.close();
});

test('a pipeline that is gone when the page comes back is waited for', async () => {
  const server = new Server();
  const { session } = await connected(server);
  await join(session);
  assert.equal(session.call.state, 'connecting');
  server.peers = [];
  server.socket.onclose({ code: 1006, reason: '' });
  await until(session, () => session.server.state === 'lost');
  session.reconnect();
  await until(session, () => session.call.state === 'waiting');
  assert.equal(session.call.cause, 'gone');
  assert.deepEqual(server.requests.filter(({ method }) => method === 'peer.announce').map(({ params }) => params.resume_token), [undefined, 'token']);
  session.close();
});

test('a page that the operator removed does not take its place again', async () => {
  const server = new Server();
  const { session } = await connected(server);
  await join(session);
  const expelled = new Promise((resolve) => session.addEventListener('expelled', ({ detail }) => resolve(detail.message), { once: true }));
  server.socket.onclose({ code: 4003, reason: 'removed by the operator' });
  assert.equal(await expelled, 'the server removed this page from the session: removed by the operator');
  assert.deepEqual([session.membership, session.call.state], [null, 'idle']);
  session.reconnect();
  await until(session, () => session.server.state === 'connected');
  await settled();
  assert.equal(server.asked('peer.announce'), 1);
  session.close();
});
