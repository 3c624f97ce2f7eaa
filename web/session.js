// Being in a session: keeps the signaling connection, knows who is here, calls the pipeline peer and keeps the call.
// Knows nothing of the page. `change` is fired whenever something to be shown changed.

import { backoffMs } from './backoff.js';
import { hasRelay, readIceServers } from './iceservers.js';
import { Links } from './links.js';
import { randomId } from './names.js';
import { CODE, SignalingClient, WireError } from './signaling.js';

/** A server that is silent for longer than a request may take is found within this. */
const KEEPALIVE_MS = 10_000;

/** Version of the signaling protocol that this page speaks. */
const PROTOCOL = 1;

const CAPABILITIES = { video: ['H264', 'VP8'], audio: ['opus'], pipeline: false };

const IDLE = Object.freeze({ state: 'idle', cause: null, fault: null });

/**
 * Events: `change`; `media` (detail: what the pipeline returns, a MediaStream or null); `data` (detail: ArrayBuffer);
 * `log` (detail: a sentence); `expelled` (detail: Error, the session was lost and the call with it).
 */
export class Session extends EventTarget {
  /** `state`: connecting, connected, lost. `error`: why it is lost. `info`: the reply to `server.info`. */
  server = { state: 'connecting', error: null, info: null };
  /** Null outside a session. */
  membership = null;
  /** Others in the session, by id. */
  peers = new Map();
  /**
   * `state`: idle, waiting (no pipeline peer here), connecting, connected, interrupted, failed.
   * `cause`: of waiting or a failure. `fault`: the last error of the connection.
   */
  call = IDLE;

  #url;
  #Socket;
  #client = null;
  #running = false;
  #stream = null;
  #links = new Links();
  #callId = null;
  #calledId = null;
  #joins = 0;
  #every;
  #stopKeepalive = null;
  #wake = null;
  #iceServers = [];
  /** What they were read from, as text. */
  #iceServersTold;

  /**
   * @param {string} url of the signaling server.
   * @param {{every: import('./timers.js').SteadyTimers['every'], Socket?: typeof WebSocket}} options `every` keeps its pace
   *   also while the page is hidden.
   */
  constructor(url, { every, Socket = globalThis.WebSocket }) {
    super();
    this.#url = url;
    this.#every = every;
    this.#Socket = Socket;
  }

  /** Whether the server names one that passes media on where there is no direct path. */
  get hasRelay() {
    return hasRelay(this.#iceServers);
  }

  /** Connects to the server and stays connected, whatever it takes, until `close`. */
  async open() {
    this.#running = true;
    for (let attempt = 0; this.#running; attempt += 1) {
      try {
        await this.#connect();
        attempt = 0;
        await this.#untilLost();
      } catch (error) {
        this.#lose(error);
      }
      if (this.#running) await this.#pause(backoffMs(attempt, Math.random()));
    }
  }

  /** Tries the server now instead of when the wait is over. */
  reconnect() {
    this.#wake?.();
  }

  /** Leaves everything. */
  close() {
    this.#running = false;
    this.#dropLinks();
    this.#client?.close();
    this.#wake?.();
  }

  /** Sessions on the server. */
  async list() {
    return (await this.#request('session.list')).sessions;
  }

  /**
   * Joins a session and calls its pipeline peer as soon as there is one.
   *
   * @param {{session: string, peerId: string, displayName: string, stream: MediaStream}} wish
   * @throws {import('./signaling.js').RpcError | WireError} why it cannot be joined.
   */
  async join({ session, peerId, displayName, stream }) {
    this.#stream = stream;
    await this.#announce({ session, peerId, displayName, resumeToken: undefined });
    this.#log(`joined session ${session} as ${peerId}`);
  }

  /** Ends the call and leaves the session. */
  async leave(reason = 'left') {
    if (!this.membership) return;
    const ended = this.#callId === null ? null : { to: this.#calledId, call_id: this.#callId, reason };
    this.#forget();
    this.#log('left the session');
    // The server forgets us in any case when the connection ends.
    if (ended) this.#request('call.end', ended).catch(() => {});
    await this.#request('peer.leave').catch(() => {});
  }

  /** Tries again after a failure: restarts the connection, or makes a new one. */
  retry() {
    const peer = this.#pipelinePeer();
    if (!peer) return;
    if (!this.#links.get(peer.peer_id)?.restart(this.#iceServers)) this.#callPipeline();
  }

  /** Sends another track from now on. */
  async replaceTrack(track) {
    await this.#links.replaceTrack(track);
  }

  /** Statistics of the call, or null. */
  async stats() {
    return this.#links.get(this.#calledId)?.stats() ?? null;
  }

  /** State of the link to a peer, or null where there is none. */
  linkState(peerId) {
    return this.#links.get(peerId)?.state ?? null;
  }

  async #connect() {
    this.#setServer({ state: this.server.state === 'lost' ? 'lost' : 'connecting' });
    const client = new SignalingClient(this.#url, { Socket: this.#Socket });
    this.#client = client;
    await client.connect();
    const info = await client.request('server.info');
    if (info.protocol !== PROTOCOL) throw new WireError('version', `it speaks version ${info.protocol} of the protocol, and this page ${PROTOCOL}`);
    this.#learnIceServers(info);
    await client.subscribe((event) => this.#receive(event));
    this.#setServer({ state: 'connected', error: null, info });
    this.#log(`connected to ${info.name} ${info.version}`);
    if (this.membership) await this.#resume();
  }

  #untilLost() {
    const client = this.#client;
    this.#stopKeepalive = this.#every(KEEPALIVE_MS, () => {
      client.request('server.info').then(
        // Credentials may run out: what was told last counts.
        (info) => this.#learnIceServers(info),
        (error) => {
          if (error instanceof WireError) client.onlost?.(error);
        },
      );
    });
    return new Promise((resolve, reject) => {
      client.onlost = reject;
    });
  }

  #lose(error) {
    this.#stopKeepalive?.();
    this.#stopKeepalive = null;
    this.#client?.close();
    this.#client = null;
    if (!this.#running) return;
    if (this.server.state !== 'lost') this.#log(`server lost: ${error.message}`);
    this.#setServer({ state: 'lost', error });
    // Taking the old place again would be against the wish of who took it away.
    if (error.reason !== 'removed' || !this.membership) return;
    this.#forget();
    this.#expel(`the server removed this page from the session: ${error.message}`);
  }

  #learnIceServers({ ice_servers: value }) {
    const told = JSON.stringify(value);
    if (told === this.#iceServersTold) return;
    this.#iceServersTold = told;
    const { servers, faults } = readIceServers(value, (server) => new RTCPeerConnection({ iceServers: [server] }).close());
    this.#iceServers = servers;
    for (const fault of faults) this.#log(`server.info: ${fault}`);
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #request(method, params) {
    if (!this.#client) return Promise.reject(new WireError('lost', `${method}: there is no connection to the server`));
    return this.#client.request(method, params);
  }

  async #announce({ session, peerId, displayName, resumeToken }) {
    const result = await this.#request('peer.announce', {
      session,
      peer_id: peerId,
      role: 'peer',
      display_name: displayName || undefined,
      capabilities: CAPABILITIES,
      resume_token: resumeToken,
    });
    this.#joins += 1;
    this.membership = {
      session: result.session,
      peerId: result.peer_id,
      displayName,
      resumeToken: result.resume_token,
      topology: result.topology,
      maxPeers: result.max_peers,
    };
    this.peers = new Map(result.peers.map((peer) => [peer.peer_id, peer]));
    this.#links.retain(new Set(this.peers.keys()));
    this.#settle();
  }

  /** The server is back: takes the old place. Media that still flows is left alone. */
  async #resume() {
    try {
      await this.#announce(this.membership);
      this.#log(`back in session ${this.membership.session}`);
    } catch (error) {
      if (error instanceof WireError) throw error;
      this.#forget();
      this.#emit('expelled', error);
    }
  }

  /** Is in no session any more. */
  #forget() {
    this.membership = null;
    this.#dropLinks();
    this.peers.clear();
    this.#setCall(IDLE);
  }

  #receive(event) {
    if (!this.membership) return;
    switch (event.type) {
      case 'peer_joined':
        this.peers.set(event.peer.peer_id, event.peer);
        this.#log(`${event.peer.peer_id} joined`);
        this.#settle();
        break;
      case 'peer_left':
        this.#peerLeft(event);
        break;
      case 'offer':
        this.#linkForOffer(event)?.receiveOffer(event.handshake_id, event.sdp);
        break;
      case 'answer':
        this.#links.get(event.from)?.receiveAnswer(event.handshake_id, event.sdp);
        break;
      case 'ice_candidate':
        if (this.peers.has(event.from)) this.#links.candidate(event.from, event.handshake_id, event.candidate);
        break;
      case 'call_started':
        this.#callStarted(event);
        break;
      case 'call_ended':
        if (event.from === this.#calledId) this.#callEnded(event);
        break;
      default:
      // A newer server may tell more than this page knows.
    }
  }

  /** Calls the pipeline if it is here and not called yet. */
  #settle() {
    const peer = this.#pipelinePeer();
    if (!peer) {
      const cause = ['idle', 'waiting'].includes(this.call.state) ? this.call.cause : 'gone';
      if (!this.#links.get(this.#calledId)) this.#setCall({ state: 'waiting', cause, fault: null });
    } else if (!this.#links.get(peer.peer_id) || this.#passed(peer.peer_id)) {
      this.#callPipeline();
    }
    this.#changed();
  }

  #pipelinePeer() {
    return [...this.peers.values()].find((peer) => peer.capabilities?.pipeline === true) ?? null;
  }

  /** The link belongs to a former life of either end and carries nothing any more. */
  #passed(peerId) {
    return this.#links.outdated(peerId, this.#generations(peerId)) && this.linkState(peerId) !== 'connected';
  }

  /** Our own joins are counted here: a server that was started anew counts from one again. */
  #generations(peerId) {
    return `${this.peers.get(peerId)?.generation} ${this.#joins}`;
  }

  #callPipeline() {
    const { peer_id: peerId } = this.#pipelinePeer();
    // The picture goes to one pipeline, also where the former one left only the session.
    if (this.#calledId !== null && this.#calledId !== peerId) this.#links.drop(this.#calledId);
    this.#callId = randomId();
    this.#calledId = peerId;
    this.#log(`calling ${peerId}`);
    this.#setCall({ state: 'connecting', cause: null, fault: null });
    this.#request('call.start', { to: peerId, call_id: this.#callId }).catch((error) => this.#log(`call.start: ${error.message}`));
    this.#makeLink(peerId);
  }

  #makeLink(peerId) {
    const isPipeline = peerId === this.#calledId;
    const link = this.#links.open(peerId, this.#generations(peerId), {
      ownId: this.membership.peerId,
      mayOffer: isPipeline && this.membership.topology !== 'host',
      // The user's picture goes to the pipeline and to nobody else.
      stream: isPipeline ? this.#stream : null,
      iceServers: this.#iceServers,
      send: (method, params) => this.#request(method, params),
    });
    link.addEventListener('state', () => this.#follow(peerId, link));
    link.addEventListener('fault', ({ detail }) => this.#log(`${peerId}: ${detail.message}`));
    if (isPipeline) {
      link.addEventListener('fault', ({ detail }) => this.#setCall({ ...this.call, fault: detail }));
      link.addEventListener('media', () => this.#emit('media', link.media));
      link.addEventListener('data', ({ detail }) => this.#emit('data', detail));
    }
    return link;
  }

  #follow(peerId, link) {
    if (this.#links.get(peerId) !== link) return;
    this.#log(`${peerId}: ${link.state}${link.state === 'failed' ? ` (${link.cause})` : ''}`);
    if (peerId !== this.#calledId) this.#changed();
    else if (!this.peers.has(peerId) && link.state === 'failed') this.#pipelineGone('disconnected');
    else if (this.peers.has(peerId) && this.#passed(peerId)) this.#callPipeline();
    else this.#setCall({ ...this.call, state: link.state, cause: link.cause });
  }

  #peerLeft({ peer_id: peerId, reason }) {
    if (peerId === this.membership.peerId) {
      this.leave(reason);
      this.#expel(`the server removed this page from the session: ${reason}`);
      return;
    }
    this.peers.delete(peerId);
    this.#log(`${peerId} left: ${reason}`);
    // Media outlives signaling: a peer whose socket broke is kept until its media breaks too.
    const carries = (reason === 'disconnected' || reason === 'replaced') && this.linkState(peerId) === 'connected';
    if (!carries && peerId === this.#calledId) this.#pipelineGone(reason);
    else if (!carries) this.#links.drop(peerId);
    this.#changed();
  }

  #pipelineGone(reason) {
    this.#links.drop(this.#calledId);
    this.#calledId = null;
    this.#callId = null;
    this.#emit('media', null);
    this.#setCall({ state: 'waiting', cause: reason, fault: null });
    this.#settle();
  }

  #linkForOffer({ from, sdp }) {
    const peer = this.peers.get(from);
    if (!peer) return null;
    const link = this.#links.forOffer(from, sdp);
    if (link) return link;
    if (peer === this.#pipelinePeer()) this.#calledId = from;
    return this.#makeLink(from);
  }

  #callStarted({ from, call_id: callId }) {
    const answer =
      from === this.#pipelinePeer()?.peer_id
        ? this.#request('call.accept', { to: from, call_id: callId })
        : this.#request('call.end', { to: from, call_id: callId, reason: 'this page calls the pipeline only' });
    answer.catch((error) => this.#log(`call of ${from}: ${error.message}`));
  }

  /** A call that bears the handshake's id as its own was refused, not ended. */
  #callEnded({ call_id: callId, reason }) {
    if (callId !== this.#callId && this.call.state === 'connecting') {
      this.#links.get(this.#calledId)?.receiveRefusal(callId, reason ?? 'no reason given');
      return;
    }
    this.#callId = null;
    this.leave();
    this.#expel(`the pipeline ended the call${reason ? `: ${reason}` : ''}`);
  }

  #expel(why) {
    this.#emit('expelled', new Error(why));
  }

  #dropLinks() {
    this.#links.dropAll();
    this.#calledId = null;
    this.#callId = null;
    this.#emit('media', null);
  }

  #setServer(change) {
    this.server = { ...this.server, ...change };
    this.#changed();
  }

  #setCall(call) {
    this.call = call;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #log(sentence) {
    this.#emit('log', sentence);
  }
}
