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
        `This page may not use the ${kind}`,
        'Browsers give devices to secure pages only. Open it over https:// or as http://localhost.',
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

/** The signaling server cannot be reached or was lost. */
export function serverMessage({ error: cause, host, inCall }) {
  const what = cause instanceof WireError && cause.reason === 'unreachable' ? 'Server not reached' : 'Server lost';
  if (cause instanceof WireError && cause.reason === 'garbage') {
    return error(what, `${host} is no RemoteMedia server: ${cause.message}.`, ACTION.reconnect);
  }
  const why = `${host} does not answer.`;
  if (inCall) return warning(what, `${why} The call goes on while media flows; this page keeps trying.`, ACTION.reconnect);
  return error(what, `${why} Is “remotemedia serve” running there? This page keeps trying.`, ACTION.reconnect);
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

/** The state of the call. */
export function callMessage({ state, cause, fault }, { session, pipeline }) {
  switch (state) {
    case 'waiting':
      return cause === null
        ? info('Waiting for a pipeline', `There is none in session ${session} yet. The call starts by itself when one joins.`)
        : warning('The pipeline left', `${leaving(cause)} The call goes on by itself when it comes back.`);
    case 'connecting':
      return info('Connecting', `Calling ${pipeline}.`);
    case 'connected':
      return { level: 'good', title: 'Live', text: `Your picture goes to ${pipeline} and to nobody else.`, actions: [] };
    case 'interrupted':
      return warning('Interrupted', `Nothing has come from ${pipeline} for some seconds. It may recover by itself.`, ACTION.retryCall);
    case 'failed':
      return error(...failure(cause, fault, pipeline), ACTION.retryCall);
    default:
      return null;
  }
}

function leaving(cause) {
  return { left: 'It ended its part.', disconnected: 'It lost its connection to the server.', replaced: 'Another one took its place.' }[cause] ?? `Reason: ${cause}.`;
}

function failure(cause, fault, pipeline) {
  switch (cause) {
    case 'no_answer':
      return ['No answer', `${pipeline} is in the session but did not answer. See its log.`];
    case 'no_path':
      return ['No network path', `No packets get through to ${pipeline}. Is UDP blocked? Is a TURN server needed?`];
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
