// Decisions of offer, answer and candidates between two peers that may both offer ("perfect negotiation",
// W3C WebRTC 1.0 §10.7). Pure: no connection, no socket; peer.js does what is decided here.

/** Handshakes whose candidates are kept before their description arrives; the oldest is forgotten first. */
export const MAX_HELD_HANDSHAKES = 4;

/** Candidates kept for one such handshake. A machine with many networks has some 30. */
export const MAX_HELD_CANDIDATES = 64;

/**
 * Which of two peers gives way when their offers cross: the one with the smaller id.
 * Ids are ASCII, so the order of strings here is the order of bytes elsewhere.
 */
export function isPolite(ownId, remoteId) {
  return ownId < remoteId;
}

/**
 * What to do with an offer.
 *
 * @param {{polite: boolean, signalingState: RTCSignalingState, handshakeId: string, lastOffer: string | null}} facts
 *   `lastOffer` is the handshake of the last offer that was applied.
 * @returns {'apply' | 'ignore' | 'duplicate'} to apply one may mean to roll an own offer back.
 */
export function judgeOffer({ polite, signalingState, handshakeId, lastOffer }) {
  if (handshakeId === lastOffer) return 'duplicate';
  return signalingState === 'stable' || polite ? 'apply' : 'ignore';
}

/**
 * What to do with an answer.
 *
 * @param {{signalingState: RTCSignalingState, handshakeId: string, ownOffer: string | null}} facts
 *   `ownOffer` is the handshake of the last offer that was sent.
 * @returns {'apply' | 'ignore'} an answer to an older offer, or a second one, is ignored.
 */
export function judgeAnswer({ signalingState, handshakeId, ownOffer }) {
  return signalingState === 'have-local-offer' && handshakeId === ownOffer ? 'apply' : 'ignore';
}

/** Keeps candidates until the description of their handshake is applied. */
export class CandidateBox {
  #held = new Map();
  #open = new Set();
  #ignored = new Set();

  /**
   * Takes in a candidate.
   *
   * @returns {'add' | 'held' | 'ignored' | 'full'} `add`: its description is there, use it now.
   */
  put(handshakeId, candidate) {
    if (this.#open.has(handshakeId)) return 'add';
    if (this.#ignored.has(handshakeId)) return 'ignored';
    let list = this.#held.get(handshakeId);
    if (!list) {
      if (this.#held.size === MAX_HELD_HANDSHAKES) this.#held.delete(this.#held.keys().next().value);
      list = [];
      this.#held.set(handshakeId, list);
    }
    if (list.length === MAX_HELD_CANDIDATES) return 'full';
    list.push(candidate);
    return 'held';
  }

  /** The remote description of a handshake is applied: returns what was kept for it, in order of arrival. */
  open(handshakeId) {
    remember(this.#open, handshakeId);
    const list = this.#held.get(handshakeId) ?? [];
    this.#held.delete(handshakeId);
    return list;
  }

  /** The offer of a handshake was turned down: its candidates are of no use. */
  ignore(handshakeId) {
    remember(this.#ignored, handshakeId);
    this.#held.delete(handshakeId);
  }
}

/** Adds to a set of bounded size. */
function remember(set, item) {
  set.add(item);
  if (set.size > MAX_HELD_HANDSHAKES) set.delete(set.values().next().value);
}
