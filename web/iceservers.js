// The STUN and TURN servers that a signaling server names for the connections of its pages. Pure.
// They come from outside, and a browser makes no connection at all if it cannot use one of them: such a one is left out
// here, and said.

/** Most addresses that are used: each is asked from each network of the machine. More than any server needs (a guess). */
export const MAX_ADDRESSES = 32;

/**
 * Reads the `ice_servers` of a reply to `server.info`.
 *
 * @param {unknown} value a list of `{urls, username?, credential?}`; undefined or null: none.
 * @param {(server: RTCIceServer) => void} attempt throws where the browser does not take a server.
 * @returns {{servers: RTCIceServer[], faults: string[]}} what can be used, and a sentence for each thing that cannot.
 */
export function readIceServers(value, attempt) {
  if (value === undefined || value === null) return { servers: [], faults: [] };
  if (!Array.isArray(value)) return { servers: [], faults: ['ice_servers is no list'] };
  const servers = [];
  const faults = [];
  let room = MAX_ADDRESSES;
  value.forEach((entry, i) => {
    try {
      const server = iceServerOf(entry);
      if (server.urls.length > room) throw new Error(`with it there are more than ${MAX_ADDRESSES} addresses`);
      attempt(server);
      room -= server.urls.length;
      servers.push(server);
    } catch (error) {
      faults.push(`ice_servers[${i}] is left out: ${error.message}`);
    }
  });
  return { servers, faults };
}

/** Whether there is a server among them that passes media on. */
export function hasRelay(servers) {
  return servers.some(({ urls }) => urls.some((url) => /^turns?:/i.test(url)));
}

function iceServerOf(entry) {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw new Error('it is no object');
  const { urls: given, username, credential } = entry;
  const urls = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(urls) || urls.length === 0 || urls.some((url) => typeof url !== 'string')) throw new Error('its urls are no list of addresses');
  return { urls, username: textOf('username', username), credential: textOf('credential', credential) };
}

/** A secret may be among them: no fault repeats one. */
function textOf(name, value) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new Error(`its ${name} is no text`);
  return value;
}
