// What went wrong, in words for people: what failed, why, and what to do. Pure.
// A message is {level: 'error' | 'warning' | 'info' | 'good', title, text, actions: [{id, label}]}; the ids are
// handled in app.js.

import { CODE, RpcError, WireError } from './signaling.js';
import { nextName } from './names.js';

const ACTION = {
  retryCamera: { id: 'retry-camera', label: 'Try again' },
  retryMicrophone: { id: 'retry-microphone', label: 'Try again' },
  testPicture: { id: 'test-picture', label: 'Use test picture' },
  silence: { id: 'silence', label: 'Go without sound' },
  reconnect: { id: 'reconnect', label: 'Try now' },
  retryCall: { id: 'retry-call', label: 'Try again' },
  ownServer: { id: 'own-server', label: 'Use own server' },
};

const error = (title, text, ...actions) => ({ level: 'error', title, text, actions });
const warning = (title, text, ...actions) => ({ level: 'warning', title, text, actions });
const info = (title, text, ...actions) => ({ level: 'info', title, text, actions });

/** A camera or microphone could not be opened. */
export function captureMessage({ kind, reason, message }) {
  const camera = kind === 'camera';
  const retry = camera ? ACTION.retryCamera : ACTION.retryMicrophone;
  const other = camera ? ACTION.testPicture : ACTION.silence;
  const Kind = camera ? 'Camera' : 'Microphone';
  switch (reason) {
    case 'Insecure':
      return error(
        `${Kind} needs a secure page`,
        'Open this page over https:// or as http://localhost: elsewhere browsers give no devices.',
        other,
      );
    case 'NotAllowedError':
    case 'SecurityError':
      return error(`${Kind} refused`, `The browser or the system forbids it. Allow the ${kind} beside the address, then try again.`, retry, other);
    case 'NotFoundError':
      return error(`No ${kind} found`, `Plug one in and try again.`, retry, other);
    case 'OverconstrainedError':
      return error(`That ${kind} is gone`, `The chosen ${kind} is no longer connected. Choose another one.`, other);
    case 'NotReadableError':
    case 'AbortError':
      return error(`${Kind} in use`, `Another program seems to hold the ${kind}. Close it there, then try again.`, retry, other);
    default:
      return error(`${Kind} failed`, `${reason}: ${message}.`, retry, other);
  }
}

/** Longest part of a wrong address that is repeated. */
const SHOWN_ADDRESS = 60;

/** The page's address names a server that cannot be one. */
export function addressMessage({ url, fault }) {
  const shown = url.length > SHOWN_ADDRESS ? `${url.slice(0, SHOWN_ADDRESS)}…` : url;
  return error('No such server', `This page’s address says server=${shown}, which ${fault}.`, ACTION.ownServer);
}

/** Nothing is wrong and nothing has begun. */
export function readyMessage({ host, foreign }) {
  if (foreign) return info('Ready', `This page talks to ${host}, another server than it came from. It sends picture and sound to a pipeline there and to nobody else.`);
  return info('Ready', 'Choose a session and start the call. This page sends picture and sound to its pipeline and to nobody else.');
}

/**
 * The signaling server cannot be reached or was lost.
 *
 * @param {{error: Error, known: boolean, membership: object | null, call: {state: string}}} session `known`: it was
 *   reached before.
 * @param {{host: string, foreign: boolean, origin: string}} about `origin` of this page.
 */
export function serverMessage({ error: cause, known, membership, call }, { host, foreign, origin }) {
  const title = known ? 'Server lost' : 'Server not reached';
  switch (cause.reason) {
    case 'garbage':
      return error(title, `${host} is no RemoteMedia server: ${cause.message}.`, ACTION.reconnect);
    case 'version':
      return error('Versions differ', `${host}: ${cause.message}. Reload the page, or update the older one.`, ACTION.reconnect);
    case 'full':
      return error('Server is full', `${host} has as many connections as it takes. This page keeps trying.`, ACTION.reconnect);
    default:
  }
  if (call.state === 'connected') return warning(title, `${host} does not answer. The call goes on while media flows; this page keeps trying.`, ACTION.reconnect);
  if (membership) return warning(title, `${host} does not answer. This page keeps trying, and calls when it is back.`, ACTION.reconnect);
  // A browser does not tell a page whether there is no server or one that refuses its origin.
  if (foreign && !known) return error(title, `Nothing answers at ${host}, or it refuses this page: then start it with --allow-origin ${origin}`, ACTION.reconnect, ACTION.ownServer);
  return error(title, `${host} does not answer. Is “remotemedia serve” running there? This page keeps trying.`, ACTION.reconnect);
}

/** A session could not be joined. */
export function joinMessage(cause, { session, peerId }) {
  if (cause instanceof WireError) return error('Not joined', `The server did not answer: ${cause.message}.`);
  switch (cause.code) {
    case CODE.PEER_ID_TAKEN:
      return error(`“${peerId}” is taken`, `Somebody in session ${session} already has this name. Choose another one.`, {
        id: 'rename',
        label: `Join as ${nextName(peerId)}`,
        name: nextName(peerId),
      });
    case CODE.SESSION_FULL: {
      const max = cause.data?.max_peers;
      return error(`Session ${session} is full`, `${max ? `It holds ${max} peers at most.` : 'No more peers fit in.'} Wait until somebody leaves, or choose another session.`);
    }
    case CODE.TOO_MANY_SESSIONS:
      return error('No new session', `The server holds as many sessions as it may. Join one that exists.`);
    case CODE.INVALID_NAME:
      return error('Name not allowed', `Names have 1 to 64 letters, digits or _ . : - (the server says: ${cause.message}).`);
    default:
      return error('Not joined', cause instanceof RpcError ? `The server refused: ${cause.message} (${cause.code}).` : `${cause.message}.`);
  }
}

/**
 * The state of the call.
 *
 * @param {{state: string, cause: string | null, fault: Error | null}} call
 * @param {{session: string, others: number, pipeline: string, present: boolean, relay: boolean, lost: boolean}} about
 *   `others`: so many sessions besides are on the server; `present`: the pipeline is in the session; `relay`: the server
 *   names a TURN server; `lost`: the server does not answer.
 */
export function callMessage({ state, cause, fault }, { session, others, pipeline, present, relay, lost }) {
  switch (state) {
    case 'waiting':
      return cause === null
        ? info('Waiting for a pipeline', `There is none in session ${session} yet. The call starts by itself when one joins. ${elsewhere(others)}`.trim())
        : warning('The pipeline left', `${leaving(cause)} The call goes on by itself when it comes back.`);
    case 'connecting':
      return info('Connecting', `Calling ${pipeline}.`);
    case 'connected':
      return { level: 'good', title: 'Live', text: `This page sends picture and sound to ${pipeline} and to nobody else.`, actions: [] };
    case 'interrupted':
      if (lost) return warning('Interrupted', `Nothing has come from ${pipeline} for some seconds, and the server is lost. It may recover by itself.`, ACTION.reconnect);
      if (!present) return warning('Interrupted', `Nothing has come from ${pipeline} for some seconds, and it is not in the session any more.`);
      return warning('Interrupted', `Nothing has come from ${pipeline} for some seconds. It may recover by itself.`, ACTION.retryCall);
    case 'failed': {
      const [title, text] = failure(cause, { fault, pipeline, relay });
      if (lost) return error(title, `${text} The server is lost, too: the call begins anew when it is back.`, ACTION.reconnect);
      return error(title, text, ACTION.retryCall);
    }
    default:
      return null;
  }
}

/** Who waits alone may have mistyped the session. */
function elsewhere(others) {
  if (others === 0) return '';
  return others === 1 ? 'The server has another session.' : `The server has ${others} other sessions.`;
}

function leaving(cause) {
  const sentences = {
    left: 'It ended its part.',
    disconnected: 'Its connection broke.',
    gone: 'It is not in the session any more.',
    replaced: 'Another one took its place.',
    too_slow: 'It was too slow for the server.',
    kicked: 'The server removed it.',
  };
  return sentences[cause] ?? `Reason: ${cause}.`;
}

function failure(cause, { fault, pipeline, relay }) {
  switch (cause) {
    case 'no_answer':
      return ['No answer', `${pipeline} is in the session but did not answer. See its log.`];
    case 'no_path':
      return ['No network path', `No packets get through to ${pipeline}. Is UDP blocked? ${relay ? 'TURN did not help.' : 'The server names no TURN server.'}`];
    case 'lost':
      return ['Connection lost', `The network path to ${pipeline} broke and did not come back.`];
    default:
      return ['Call refused', fault ? `${fault.message}.` : `${pipeline} and this browser did not agree.`];
  }
}

/** The page was put out of its session. */
export function expelledMessage(cause) {
  return warning('Call ended', sentence(cause.message));
}

/** The first letter large, a full stop at the end. */
function sentence(text) {
  const full = text.charAt(0).toUpperCase() + text.slice(1);
  return full.endsWith('.') ? full : `${full}.`;
}
