// The connections to the peers of a session, at most one to each, and which of them a message belongs to.

import { CandidateBox } from './negotiation.js';
import { PeerLink } from './peer.js';

/** Keeps them. Whose generation a link was made in tells links to a peer's former self from present ones. */
export class Links {
  #entries = new Map();
  #boxes = new Map();

  /** @returns {PeerLink | null} */
  get(peerId) {
    return this.#entries.get(peerId)?.link ?? null;
  }

  /**
   * Makes a link, in the place of the one before.
   *
   * @param {string} peerId
   * @param {string} generations the remote's and our own, as one text.
   * @param {object} options of the PeerLink.
   * @returns {PeerLink}
   */
  open(peerId, generations, options) {
    this.#close(peerId);
    const link = new PeerLink({ ...options, remoteId: peerId, box: this.#boxOf(peerId) });
    this.#entries.set(peerId, { link, generations });
    return link;
  }

  /** True where one of the two ends has joined anew since the link was made. */
  outdated(peerId, generations) {
    const entry = this.#entries.get(peerId);
    return entry !== undefined && entry.generations !== generations;
  }

  /**
   * The link that an offer is for: the present one, unless the offer comes from another connection than that one has
   * at its far end.
   *
   * @returns {PeerLink | null} null: a new one is to be made.
   */
  forOffer(peerId, sdp) {
    const link = this.get(peerId);
    return link && link.state !== 'failed' && link.mayBeFrom(sdp) ? link : null;
  }

  /** A candidate came; one that is early for its link is kept for it. */
  candidate(peerId, handshakeId, candidate) {
    const link = this.get(peerId);
    if (link) link.receiveCandidate(handshakeId, candidate);
    else this.#boxOf(peerId).put(handshakeId, candidate);
  }

  /** Ends the link to a peer and forgets what was kept for it. */
  drop(peerId) {
    this.#boxes.delete(peerId);
    this.#close(peerId);
  }

  /** Ends all links. */
  dropAll() {
    for (const peerId of [...this.#entries.keys()]) this.drop(peerId);
    this.#boxes.clear();
  }

  /** Ends the links to those that are not among `peerIds` and carry nothing. */
  retain(peerIds) {
    for (const [peerId, { link }] of this.#entries) {
      if (!peerIds.has(peerId) && link.state !== 'connected') this.drop(peerId);
    }
  }

  /** Sends another track on all links. */
  async replaceTrack(track) {
    await Promise.all([...this.#entries.values()].map(({ link }) => link.replaceTrack(track)));
  }

  #close(peerId) {
    const entry = this.#entries.get(peerId);
    // Out of the table first: what a closing link says of itself is of no interest.
    this.#entries.delete(peerId);
    entry?.link.close();
  }

  #boxOf(peerId) {
    if (!this.#boxes.has(peerId)) this.#boxes.set(peerId, new CandidateBox());
    return this.#boxes.get(peerId);
  }
}
