import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { CODE, RpcError, SignalingClient, WireError } from '../signaling.js';

/** A WebSocket whose other end is the test. */
class FakeSocket {
  static last;
  readyState = 0;
  sent = [];
  closed = false;

  constructor(url) {
    this.url = url;
    FakeSocket.last = this;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
    this.onsent?.(this.sent.at(-1));
  }

  close() {
    this.closed = true;
  }

  open() {
    this.readyState = 1;
    this.onopen();
  }

  receive(message) {
    this.onmessage({ data: typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message }) });
  }
}

async function connected(options) {
  const client = new SignalingClient('ws://host/ws', { Socket: FakeSocket, ...options });
  const connecting = client.connect();
  FakeSocket.last.open();
  await connecting;
  return [client, FakeSocket.last];
}

test('a request is JSON-RPC 2.0 and gets the result with its id', async () => {
  const [client, socket] = await connected();
  const first = client.request('peer.list');
  const second = client.request('peer.offer', { to: 'ben' });
  assert.deepEqual(socket.sent, [
    { jsonrpc: '2.0', id: 1, method: 'peer.list', params: {} },
    { jsonrpc: '2.0', id: 2, method: 'peer.offer', params: { to: 'ben' } },
  ]);
  socket.receive({ id: 2, result: 'two' });
  socket.receive({ id: 1, result: 'one' });
  assert.deepEqual([await first, await second], ['one', 'two']);
});

test('a refusal carries code, sentence and data', async () => {
  const [client, socket] = await connected();
  const request = client.request('peer.announce');
  socket.receive({ id: 1, error: { code: CODE.SESSION_FULL, message: 'session is full', data: { max_peers: 10 } } });
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof RpcError);
    assert.deepEqual([error.code, error.message, error.data, error.method], [-32006, 'session is full', { max_peers: 10 }, 'peer.announce']);
    return true;
  });
});

test('a request without a reply fails by its deadline, and a reply after it harms nobody', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const [client, socket] = await connected({ timeoutMs: 5000 });
    const request = client.request('peer.list');
    const failed = assert.rejects(request, (error) => error instanceof WireError && error.reason === 'timeout' && /peer\.list.*5 s/.test(error.message));
    mock.timers.tick(5000);
    await failed;
    socket.receive({ id: 1, result: {} });
  } finally {
    mock.timers.reset();
  }
});

test('a request that came too fast is repeated, then given up', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const [client, socket] = await connected();
    const refuse = ({ id }) => queueMicrotask(() => socket.receive({ id, error: { code: CODE.RATE_LIMITED, message: 'slow down' } }));
    socket.onsent = refuse;
    const request = client.request('peer.ice_candidate').catch((error) => error);
    for (let i = 0; i < 4; i += 1) {
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      mock.timers.tick(1000);
    }
    assert.equal((await request).code, CODE.RATE_LIMITED);
    assert.equal(socket.sent.length, 4);
  } finally {
    mock.timers.reset();
  }
});

test('a server that refuses the connection is unreachable', async () => {
  const client = new SignalingClient('ws://host/ws', { Socket: FakeSocket });
  const connecting = client.connect();
  FakeSocket.last.onclose({ code: 1006 });
  await assert.rejects(connecting, (error) => error.reason === 'unreachable' && error.message.includes('ws://host/ws'));
});

test('a server that accepts and stays silent is given up', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const client = new SignalingClient('ws://host/ws', { Socket: FakeSocket });
    const failed = assert.rejects(client.connect(), (error) => error.reason === 'timeout');
    mock.timers.tick(8000);
    await failed;
    assert.equal(FakeSocket.last.closed, true);
  } finally {
    mock.timers.reset();
  }
});

test('a lost connection fails what is under way and is told once', async () => {
  const [client, socket] = await connected();
  const lost = [];
  client.onlost = (error) => lost.push(error.reason);
  const request = client.request('peer.list');
  socket.onclose({ code: 1006, reason: '' });
  await assert.rejects(request, (error) => error.reason === 'lost');
  assert.deepEqual(lost, ['lost']);
  await assert.rejects(client.request('peer.list'), (error) => error.reason === 'lost');
});

for (const garbage of ['not json', '[1,2]', 'null', '{"hello":1}']) {
  test(`garbage from the server ends the connection: ${garbage}`, async () => {
    const [client, socket] = await connected();
    const lost = [];
    client.onlost = (error) => lost.push(error.reason);
    const request = client.request('peer.list').catch((error) => error.reason);
    socket.receive(garbage);
    assert.equal(await request, 'garbage');
    assert.deepEqual(lost, ['garbage']);
    assert.equal(socket.closed, true);
  });
}

test('events that overtake the reply to the subscription are delivered after it', async () => {
  const [client, socket] = await connected();
  const events = [];
  const subscribing = client.subscribe((event) => events.push(event.type));
  const notify = (type, subscription = 'S') => socket.receive({ method: 'events', params: { subscription, result: { type } } });
  notify('peer_joined');
  assert.deepEqual(events, []);
  socket.receive({ id: 1, result: 'S' });
  await subscribing;
  notify('offer');
  notify('answer', 'another');
  assert.deepEqual(events, ['peer_joined', 'offer']);
});

test('closing fails what is under way and is not told as a loss', async () => {
  const [client, socket] = await connected();
  let lost = false;
  client.onlost = () => (lost = true);
  const request = client.request('peer.list');
  client.close();
  await assert.rejects(request, WireError);
  assert.equal(socket.closed, true);
  assert.equal(lost, false);
});

test('a server that closes because it is full or does not want us says so, any other close is a loss', async () => {
  for (const [code, reason] of [[1013, 'full'], [4001, 'removed'], [4003, 'removed'], [1001, 'lost'], [4000, 'lost']]) {
    const [client, socket] = await connected();
    const lost = [];
    client.onlost = (error) => lost.push(error.reason);
    socket.onclose({ code, reason: '' });
    assert.deepEqual(lost, [reason]);
  }
});
