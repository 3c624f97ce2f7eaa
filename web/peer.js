// One connection to one remote peer: offers, answers, candidates, tracks, the data channel, its state.
// What to do is decided in negotiation.js; here it is done.

import { randomId } from './names.js';
import { isPolite, judgeAnswer, judgeOffer } from './negotiation.js';
import { fingerprintOf, iceUfragOf, withStartBitrate } from './sdp.js';

/** From the first offer to connected; ICE, DTLS and a slow relay included. */
const CONNECT_DEADLINE_MS = 15_000;

/** Enough for 720p at 30 frames/s, and what most uplinks carry; the estimate takes over within a second or two. */
const START_KBPS = 1200;

/** Label of the channel that carries the pipeline's data outputs. */
const DATA_LABEL = 'data';

/**
 * Events: `state` (see `state` and `cause`), `media` (see `media`), `data` (detail: ArrayBuffer), `fault` (detail: Error).
 *
 * `state` is `connecting`, `connected`, `interrupted` (may come back by itself), `failed` or `closed`.
 * `cause` of a failure is `no_answer`, `no_path`, `lost` or `refused`.
 */
export class PeerLink extends EventTarget {
  state = 'connecting';
  cause = null;
  /** What the remote sends. Tracks are added to it as they come. */
  media = new MediaStream();

  #pc = null;
  #stream;
  #iceServers;
  #remoteId;
  #polite;
  #mayOffer;
  #send;
  #box;
  #handshakeOfUfrag = new Map();
  #ownOffer = null;
  #lastOffer = null;
  #everConnected = false;
  #deadline = null;
  #work = Promise.resolve();

  /**
   * @param {object} options
   * @param {string} options.ownId
   * @param {string} options.remoteId
   * @param {boolean} options.mayOffer false: the remote offers (host topology, or a peer nothing is sent to).
   * @param {MediaStream | null} options.stream what is sent; null: nothing.
   * @param {RTCIceServer[]} options.iceServers
   * @param {import('./negotiation.js').CandidateBox} options.box keeps early candidates of the remote.
   * @param {(method: string, params: object) => Promise<unknown>} options.send carries signaling to the remote.
   */
  constructor({ ownId, remoteId, mayOffer, stream, iceServers, box, send }) {
    super();
    this.#remoteId = remoteId;
    this.#polite = isPolite(ownId, remoteId);
    this.#mayOffer = mayOffer;
    this.#send = send;
    this.#box = box;
    this.#stream = stream;
    this.#iceServers = iceServers;
    this.#renew();
    if (mayOffer) this.#adopt(this.#pc.createDataChannel(DATA_LABEL));
    this.#armDeadline();
  }

  /** An offer came. */
  receiveOffer(handshakeId, sdp) {
    this.#enqueue(async () => {
      const verdict = judgeOffer({
        polite: this.#polite,
        signalingState: this.#pc.signalingState,
        handshakeId,
        lastOffer: this.#lastOffer,
      });
      if (verdict === 'duplicate') return;
      if (verdict === 'ignore') {
        this.#box.ignore(handshakeId);
        return;
      }
      // Two first offers crossed. Chromium, when it rolls back a first offer with a data channel, asks to negotiate
      // for ever after; a connection on which nothing has happened yet is as well replaced.
      if (this.#pc.signalingState !== 'stable' && this.#pc.remoteDescription === null) this.#renew();
      // Where an own later offer is open, this rolls it back.
      await this.#pc.setRemoteDescription({ type: 'offer', sdp: withStartBitrate(sdp, START_KBPS) });
      this.#lastOffer = handshakeId;
      this.#preferCodecs();
      await this.#useHeldCandidates(handshakeId);
      await this.#pc.setLocalDescription();
      this.#noteUfrag(handshakeId);
      this.#post('peer.answer', { handshake_id: handshakeId, sdp: this.#pc.localDescription.sdp });
      await this.#tuneSenders();
    });
  }

  /** An answer came. */
  receiveAnswer(handshakeId, sdp) {
    this.#enqueue(async () => {
      const facts = { signalingState: this.#pc.signalingState, handshakeId, ownOffer: this.#ownOffer };
      if (judgeAnswer(facts) === 'ignore') return;
      await this.#pc.setRemoteDescription({ type: 'answer', sdp: withStartBitrate(sdp, START_KBPS) });
      await this.#useHeldCandidates(handshakeId);
      await this.#tuneSenders();
    });
  }

  /** The remote turned an offer down. */
  receiveRefusal(handshakeId, reason) {
    if (handshakeId === this.#ownOffer) this.#report(new Error(reason), true);
  }

  /** False where a description comes from another connection than the one at the far end of this link. */
  mayBeFrom(sdp) {
    const remote = this.#pc.remoteDescription;
    return remote === null || fingerprintOf(remote.sdp) === fingerprintOf(sdp);
  }

  /** A candidate came; null: there will be no more. */
  receiveCandidate(handshakeId, candidate) {
    this.#enqueue(async () => {
      if (this.#box.put(handshakeId, candidate) === 'add') await this.#addCandidate(candidate);
    });
  }

  /** Sends another track in place of the one of its kind, without negotiating anew. */
  async replaceTrack(track) {
    const sender = this.#pc.getSenders().find((s) => s.track?.kind === track.kind);
    await sender?.replaceTrack(track);
  }

  /**
   * Looks for a new path while the old one, if there is any left, stays in use.
   *
   * @param {RTCIceServer[]} iceServers that are to help from now on.
   * @returns {boolean} false: there was never a connection to restart; make a new link.
   */
  restart(iceServers) {
    if (!this.#everConnected || !this.#mayOffer || this.#pc.signalingState !== 'stable' || this.#farewell()) return false;
    this.#armDeadline();
    this.#become('connecting');
    this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers });
    this.#pc.restartIce();
    return true;
  }

  /** Statistics of this connection. @returns {Promise<RTCStatsReport>} */
  stats() {
    return this.#pc.getStats();
  }

  /** Ends the connection. */
  close() {
    clearTimeout(this.#deadline);
    this.#pc.close();
    this.#become('closed');
  }

  /** Puts a fresh connection, with the tracks to send, in the place of the present one. */
  #renew() {
    if (this.#pc) {
      this.#pc.onnegotiationneeded = null;
      this.#pc.onicecandidate = null;
      this.#pc.close();
    }
    this.#handshakeOfUfrag.clear();
    this.#pc = new RTCPeerConnection({ iceServers: this.#iceServers, bundlePolicy: 'max-bundle' });
    this.#listen();
    for (const track of this.#stream?.getTracks() ?? []) this.#pc.addTrack(track, this.#stream);
  }

  #listen() {
    const pc = this.#pc;
    pc.onnegotiationneeded = () => {
      if (this.#mayOffer) this.#enqueue(() => this.#offer());
    };
    pc.onicecandidate = ({ candidate }) => {
      // An empty candidate ends one generation; the null after it ends them all and is what the protocol has.
      if (candidate?.candidate === '') return;
      this.#sendCandidate(candidate);
    };
    pc.onconnectionstatechange = () => this.#follow(pc.connectionState);
    pc.ontrack = ({ track }) => {
      this.media.addTrack(track);
      this.dispatchEvent(new Event('media'));
    };
    pc.ondatachannel = ({ channel }) => {
      if (channel.label === DATA_LABEL) this.#adopt(channel);
    };
  }

  async #offer() {
    // While an answer was being made the need may have gone.
    if (this.#pc.signalingState !== 'stable') return;
    this.#preferCodecs();
    await this.#pc.setLocalDescription();
    const handshakeId = randomId();
    this.#ownOffer = handshakeId;
    this.#noteUfrag(handshakeId);
    this.#post('peer.offer', { handshake_id: handshakeId, sdp: this.#pc.localDescription.sdp });
  }

  /** H264 first, where there is a choice: it is what the other end has in hardware or in its fastest software. */
  #preferCodecs() {
    const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
    if (!codecs) return;
    const first = codecs.filter((codec) => codec.mimeType === 'video/H264');
    const rest = codecs.filter((codec) => codec.mimeType !== 'video/H264');
    for (const transceiver of this.#pc.getTransceivers()) {
      if (transceiver.receiver.track.kind === 'video') transceiver.setCodecPreferences?.([...first, ...rest]);
    }
  }

  /** A small sharp picture tells less than a large one that is coarse: keep the resolution, give up frames. */
  async #tuneSenders() {
    for (const sender of this.#pc.getSenders()) {
      if (sender.track?.kind !== 'video') continue;
      const parameters = sender.getParameters();
      parameters.degradationPreference = 'maintain-resolution';
      try {
        await sender.setParameters(parameters);
      } catch {
        // Not every browser has it; the stream is then adapted as that browser sees fit.
      }
    }
  }

  #noteUfrag(handshakeId) {
    const ufrag = iceUfragOf(this.#pc.localDescription.sdp);
    if (ufrag) this.#handshakeOfUfrag.set(ufrag, handshakeId);
  }

  #sendCandidate(candidate) {
    // In the queue, behind the description it belongs to.
    this.#enqueue(async () => {
      const current = iceUfragOf(this.#pc.localDescription?.sdp ?? '');
      const handshakeId = this.#handshakeOfUfrag.get(candidate?.usernameFragment ?? current);
      if (handshakeId === undefined) return;
      this.#post('peer.ice_candidate', {
        handshake_id: handshakeId,
        candidate: candidate && {
          candidate: candidate.candidate,
          sdp_mid: candidate.sdpMid,
          sdp_m_line_index: candidate.sdpMLineIndex,
          username_fragment: candidate.usernameFragment,
        },
      });
    });
  }

  async #useHeldCandidates(handshakeId) {
    for (const candidate of this.#box.open(handshakeId)) await this.#addCandidate(candidate);
  }

  async #addCandidate(candidate) {
    if (candidate === null) {
      await this.#pc.addIceCandidate();
      return;
    }
    try {
      await this.#pc.addIceCandidate({
        candidate: candidate.candidate,
        sdpMid: candidate.sdp_mid,
        sdpMLineIndex: candidate.sdp_m_line_index,
        usernameFragment: candidate.username_fragment,
      });
    } catch (error) {
      // One bad candidate does not spoil the others.
      this.#report(error, false);
    }
  }

  #adopt(channel) {
    channel.onclose = () => {
      // ICE would take seconds to notice.
      if (this.#farewell()) this.#fail('lost');
    };
    channel.binaryType = 'arraybuffer';
    channel.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent('data', { detail: data }));
  }

  /** True where the other end closed the connection in due form (DTLS close_notify). */
  #farewell() {
    return this.#pc.sctp?.transport.state === 'closed';
  }

  #follow(connectionState) {
    if (connectionState === 'connected') {
      clearTimeout(this.#deadline);
      this.#everConnected = true;
      this.#become('connected');
    } else if (connectionState === 'disconnected') {
      this.#become('interrupted');
    } else if (connectionState === 'failed') {
      this.#fail(this.#everConnected ? 'lost' : 'no_path');
    }
  }

  #armDeadline() {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(
      () => this.#fail(this.#pc.remoteDescription ? 'no_path' : 'no_answer'),
      CONNECT_DEADLINE_MS,
    );
  }

  #fail(cause) {
    clearTimeout(this.#deadline);
    this.cause = cause;
    this.#become('failed');
  }

  #become(state) {
    if (this.state === state || this.state === 'closed') return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }

  /** Sends without waiting for the server's reply: candidates follow their description on the same wire. */
  #post(method, params) {
    this.#send(method, { to: this.#remoteId, ...params }).catch((error) => {
      this.#report(error, method !== 'peer.ice_candidate');
    });
  }

  #report(error, fatal) {
    if (this.state === 'closed') return;
    this.dispatchEvent(new CustomEvent('fault', { detail: error }));
    if (fatal && !this.#everConnected) this.#fail('refused');
  }

  /** One thing after the other: descriptions and candidates never overtake each other. */
  #enqueue(step) {
    this.#work = this.#work.then(async () => {
      if (this.state === 'closed') return;
      try {
        await step();
      } catch (error) {
        this.#report(error, true);
      }
    });
  }
}
