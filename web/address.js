// Which signaling server this page talks to: its own, or the one that its address names (`?server=`). Pure.

const SCHEMES = ['ws:', 'wss:'];

/** Hosts that a page from https may reach without TLS: the network cannot read along. */
const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/;

/**
 * @param {{protocol: string, host: string, search: string}} page its `location`.
 * @returns {{url: string, host: string, foreign: boolean, fault: string | null}} `host` is for people; `foreign`: it is not
 *   the server that the page came from; `fault`: why there can be no connection, as the end of a sentence.
 */
export function serverOf({ protocol, host, search }) {
  const named = new URLSearchParams(search).get('server');
  if (named === null) return { url: `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/ws`, host, foreign: false, fault: null };
  const url = URL.canParse(named) ? new URL(named) : null;
  const fault = faultOf(url, protocol === 'https:');
  const foreign = fault !== null || url.host !== host;
  return { url: named, host: fault === null ? url.host : named, foreign, fault };
}

function faultOf(url, secure) {
  if (url === null || !SCHEMES.includes(url.protocol) || url.host === '') return 'is no WebSocket address like ws://localhost:8080/ws';
  if (url.hash !== '') return 'has a part behind #, as no WebSocket address has';
  if (secure && url.protocol === 'ws:' && !LOOPBACK.test(url.hostname)) return 'is not encrypted: from https, pages reach wss:// only';
  return null;
}
