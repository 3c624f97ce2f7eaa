// A stand-in for the signaling server inside the test: it speaks the protocol to pages whose WebSockets are
// intercepted, and can be told to misbehave. The real server is used in call.test.mjs.

/** One server with its sessions. */
export class SignalingStandIn {
  /** Replies forced on methods: name → {code, message, data} or a function of params that returns one or null. */
  refuse = {};
  /** Called for each request, to watch what the page sends. */
  requests = [];
  maxPeers = 10;
  protocol = 1;
  /** ICE servers that it names. */
  iceServers = undefined;

  #sessions = new Map();
  #open = new Set();
  #down = false;
  #generation = 0;

  /** Intercepts the WebSockets of a browser context. */
  async attach(context) {
    await context.routeWebSocket(/\/ws$/, (socket) => {
      if (this.#down) {
        socket.close({ code: 1001, reason: 'down' });
        return;
      }
      const connection = { socket, subscription: null, peer: null, session: null };
      this.#open.add(connection);
      socket.onMessage((text) => this.#receive(connection, JSON.parse(text)));
      socket.onClose(() => this.#gone(connection, 'disconnected'));
    });
  }

  /** The server goes away: sockets close and new ones are refused; nobody is told that the others left. */
  stop() {
    this.#down = true;
    this.#sessions.clear();
    this.#generation = 0;
    for (const { socket } of this.#open) socket.close({ code: 1001, reason: 'down' });
    this.#open.clear();
  }

  /** One page's connection breaks. */
  drop(session, peerId) {
    const connection = this.#peersOf(session).get(peerId);
    connection.socket.close({ code: 1011, reason: 'broken' });
    this.#gone(connection, 'disconnected');
  }

  /** The server comes back, knowing nothing of before. */
  start() {
    this.#down = false;
  }

  /** Puts a peer into a session that is nothing but an entry in the list. */
  addPeer(session, peer) {
    const peers = this.#peersOf(session);
    const info = { role: 'peer', capabilities: {}, generation: (this.#generation += 1), ...peer };
    for (const other of peers.values()) this.#event(other, { type: 'peer_joined', peer: info });
    peers.set(info.peer_id, { peer: info, session });
  }

  /** Takes such a peer out again. */
  removePeer(session, peerId, reason = 'left') {
    const gone = this.#peersOf(session).get(peerId);
    this.#leave(gone, reason);
  }

  /** Sends anything to all pages. */
  broadcast(text) {
    for (const { socket } of this.#open) socket.send(text);
  }

  #peersOf(session) {
    if (!this.#sessions.has(session)) this.#sessions.set(session, new Map());
    return this.#sessions.get(session);
  }

  #receive(connection, { id, method, params }) {
    this.requests.push({ method, params, from: connection.peer?.peer_id });
    const forced = this.refuse[method];
    const error = typeof forced === 'function' ? forced(params) : forced;
    const reply = error ? { error } : this.#answer(connection, method, params);
    connection.socket.send(JSON.stringify({ jsonrpc: '2.0', id, ...reply }));
    reply.after?.();
  }

  #answer(connection, method, params) {
    switch (method) {
      case 'server.info':
        return { result: { name: 'stand-in', version: '0.0.0', protocol: this.protocol, limits: {}, ice_servers: this.iceServers } };
      case 'session.list':
        return {
          result: {
            sessions: [...this.#sessions]
              .filter(([, peers]) => peers.size > 0)
              .map(([session, peers]) => ({ session, peers: peers.size, max_peers: this.maxPeers, topology: 'mesh' })),
          },
        };
      case 'events.subscribe':
        connection.subscription = `s${this.#open.size}`;
        return { result: connection.subscription };
      case 'peer.announce':
        return this.#announce(connection, params);
      case 'peer.leave':
        this.#leave(connection, 'left');
        return { result: {} };
      case 'peer.offer':
      case 'peer.answer':
      case 'peer.ice_candidate':
        return this.#relay(connection, method.slice('peer.'.length), params);
      case 'call.start':
        return this.#relay(connection, 'call_started', params);
      case 'call.accept':
        return this.#relay(connection, 'call_accepted', params);
      case 'call.end':
        return this.#relay(connection, 'call_ended', params);
      default:
        return { error: { code: -32601, message: `method not found: ${method}` } };
    }
  }

  #announce(connection, { session, peer_id: peerId, display_name: displayName, role, capabilities }) {
    const peers = this.#peersOf(session);
    if (peers.has(peerId)) return { error: { code: -32004, message: `peer id is taken: ${peerId}`, data: { peer_id: peerId } } };
    if (peers.size >= this.maxPeers) {
      return { error: { code: -32006, message: `session is full: ${this.maxPeers} peers`, data: { max_peers: this.maxPeers } } };
    }
    const others = [...peers.values()];
    this.#generation += 1;
    connection.peer = { peer_id: peerId, role, display_name: displayName, capabilities, generation: this.#generation };
    connection.session = session;
    for (const other of others) this.#event(other, { type: 'peer_joined', peer: connection.peer });
    peers.set(peerId, connection);
    return {
      result: {
        session,
        peer_id: peerId,
        generation: this.#generation,
        resume_token: `token-${peerId}`,
        topology: 'mesh',
        max_peers: this.maxPeers,
        peers: others.map((other) => other.peer),
      },
    };
  }

  #relay(connection, type, { to, ...rest }) {
    const target = this.#peersOf(connection.session).get(to);
    if (!target) return { error: { code: -32005, message: `no such peer in your session: ${to}`, data: { peer_id: to } } };
    const { peer_id: from, generation } = connection.peer;
    this.#event(target, { type, from, generation, ...rest });
    return { result: {} };
  }

  #event(connection, result) {
    connection.socket?.send(
      JSON.stringify({ jsonrpc: '2.0', method: 'events', params: { subscription: connection.subscription, result } }),
    );
  }

  #gone(connection, reason) {
    this.#open.delete(connection);
    this.#leave(connection, reason);
  }

  #leave(connection, reason) {
    if (!connection.session) return;
    const peers = this.#peersOf(connection.session);
    const { peer_id: peerId, generation } = connection.peer;
    if (peers.get(peerId) !== connection) return;
    peers.delete(peerId);
    connection.session = null;
    for (const other of peers.values()) this.#event(other, { type: 'peer_left', peer_id: peerId, generation, reason });
  }
}
