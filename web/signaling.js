// The signaling client: JSON-RPC 2.0 over a WebSocket. Knows requests, errors and the one subscription; knows
// nothing of sessions or media.

/** Error codes of the server. Standard JSON-RPC codes besides. */
export const CODE = {
  NOT_SUBSCRIBED: -32001,
  NOT_ANNOUNCED: -32002,
  ALREADY_ANNOUNCED: -32003,
  PEER_ID_TAKEN: -32004,
  UNKNOWN_PEER: -32005,
  SESSION_FULL: -32006,
  TOO_MANY_SESSIONS: -32007,
  MESSAGE_TOO_LARGE: -32008,
  RATE_LIMITED: -32009,
  ROLE_FORBIDS: -32010,
  INVALID_NAME: -32011,
  HOST_TAKEN: -32012,
};

const CONNECT_TIMEOUT_MS = 8000;
const REQUEST_TIMEOUT_MS = 10_000;

/** A request that came too fast is repeated after these waits, then given up. */
const RATE_LIMIT_WAITS_MS = [250, 500, 1000];

/** The server refused a request. */
export class RpcError extends Error {
  /**
   * @param {string} method what was asked.
   * @param {{code: number, message: string, data?: unknown}} error what the server said.
   */
  constructor(method, { code, message, data }) {
    super(message);
    this.name = 'RpcError';
    this.method = method;
    this.code = code;
    this.data = data;
  }
}

/** Close codes that mean more than a loss: try again later; the peer came back elsewhere; the operator removed it. */
const CLOSED_AS = new Map([
  [1013, 'full'],
  [4001, 'removed'],
  [4003, 'removed'],
]);

/** The wire failed: not reached, lost, full, silent, or speaking something else; or we are not wanted. `reason` says which. */
export class WireError extends Error {
  /** @param {'unreachable' | 'lost' | 'full' | 'removed' | 'timeout' | 'garbage' | 'version'} reason */
  constructor(reason, message) {
    super(message);
    this.name = 'WireError';
    this.reason = reason;
  }
}

/** One connection to a signaling server. Not reusable: after it closed, make another. */
export class SignalingClient {
  #url;
  #Socket;
  #socket = null;
  #nextId = 1;
  #pending = new Map();
  #onEvent = null;
  #subscription = null;
  #early = [];
  #timeoutMs;

  /** Called once, with a WireError, when an open connection ends otherwise than by `close()`. */
  onlost = null;

  /**
   * @param {string} url `ws://` or `wss://`.
   * @param {{Socket?: typeof WebSocket, timeoutMs?: number}} [options]
   */
  constructor(url, { Socket = globalThis.WebSocket, timeoutMs = REQUEST_TIMEOUT_MS } = {}) {
    this.#url = url;
    this.#Socket = Socket;
    this.#timeoutMs = timeoutMs;
  }

  /** Opens the connection. @throws {WireError} unreachable or timeout. */
  async connect() {
    const socket = new this.#Socket(this.#url);
    this.#socket = socket;
    await new Promise((resolve, reject) => {
      const fail = (reason, message) => {
        clearTimeout(timer);
        this.#abandon();
        reject(new WireError(reason, message));
      };
      const timer = setTimeout(
        () => fail('timeout', `${this.#url} did not answer within ${CONNECT_TIMEOUT_MS / 1000} s`),
        CONNECT_TIMEOUT_MS,
      );
      socket.onopen = () => {
        clearTimeout(timer);
        resolve();
      };
      socket.onclose = (event) => fail('unreachable', `${this.#url} cannot be reached (close code ${event.code})`);
    });
    socket.onclose = ({ code, reason }) => {
      this.#lose(CLOSED_AS.get(code) ?? 'lost', reason || `the server closed the connection (code ${code})`);
    };
    socket.onmessage = (event) => this.#receive(event.data);
  }

  /**
   * Calls a method.
   *
   * @param {string} method
   * @param {object} [params] by name.
   * @returns {Promise<any>} the result.
   * @throws {RpcError} the server refused. @throws {WireError} no answer.
   */
  async request(method, params = {}) {
    for (const waitMs of RATE_LIMIT_WAITS_MS) {
      try {
        return await this.#call(method, params);
      } catch (error) {
        if (error.code !== CODE.RATE_LIMITED) throw error;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
    return this.#call(method, params);
  }

  /**
   * Subscribes to the server's events. Those that arrive before the server's reply are kept and delivered after it.
   *
   * @param {(event: {type: string}) => void} onEvent
   */
  async subscribe(onEvent) {
    this.#onEvent = onEvent;
    this.#subscription = await this.request('events.subscribe');
    const early = this.#early;
    this.#early = [];
    for (const params of early) this.#deliver(params);
  }

  /** Closes the connection; requests under way fail. */
  close() {
    const error = new WireError('lost', 'the connection was closed');
    this.#abandon();
    this.#failAll(error);
  }

  #call(method, params) {
    if (this.#socket?.readyState !== 1) {
      return Promise.reject(new WireError('lost', `${method}: there is no connection to the server`));
    }
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new WireError('timeout', `${method}: no reply within ${this.#timeoutMs / 1000} s`));
      }, this.#timeoutMs);
      this.#pending.set(id, { method, resolve, reject, timer });
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  #receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      this.#lose('garbage', 'the server sent something that is not JSON');
      return;
    }
    if (message?.jsonrpc !== '2.0') {
      this.#lose('garbage', 'the server sent something that is not JSON-RPC 2.0');
    } else if (message.method === 'events') {
      this.#deliver(message.params);
    } else {
      this.#settle(message);
    }
  }

  #settle({ id, result, error }) {
    const pending = this.#pending.get(id);
    // A reply that comes after its timeout has nobody waiting.
    if (!pending) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (error) pending.reject(new RpcError(pending.method, error));
    else pending.resolve(result);
  }

  #deliver(params) {
    if (this.#onEvent === null || params?.result === undefined) return;
    if (this.#subscription === null) this.#early.push(params);
    else if (params.subscription === this.#subscription) this.#onEvent(params.result);
  }

  #lose(reason, message) {
    const error = new WireError(reason, message);
    this.#abandon();
    this.#failAll(error);
    this.onlost?.(error);
  }

  /** Lets go of the socket without hearing from it again. */
  #abandon() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
  }

  #failAll(error) {
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
  }
}
