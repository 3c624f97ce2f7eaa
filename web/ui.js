// The page's elements and how they show what they are told. Decides nothing; text goes in as text, never as HTML.

import { bitrate, frameRate, joined, milliseconds, number, percent, size } from './format.js';
import { Plot } from './plot.js';
import { SILENCE, TEST } from './capture.js';

/** Lines kept in the list of events, and characters shown of a data output. */
const LOG_LINES = 200;
const DATA_CHARACTERS = 4000;

const PEER_STATE = {
  connecting: 'connecting',
  connected: 'connected',
  interrupted: 'interrupted',
  failed: 'failed',
  closed: 'closed',
  here: 'in the session',
};

const HOW = {
  barcode: 'exact, by frame number',
  picture: 'by comparing pictures',
  estimate: 'at least; without the pipeline itself',
  none: 'measured during the call',
};

/** Shows things. */
export class Ui {
  #plots;
  #shown = {};

  /** @param {Document} page */
  constructor(page) {
    this.#page = page;
    this.#plots = {
      latency: new Plot(this.element('plot-latency'), { least: 50, label: (ms) => `${ms}` }),
      bitrate: new Plot(this.element('plot-bitrate'), { least: 1e6, label: (bps) => `${(bps / 1e6).toFixed(1)}` }),
    };
  }

  #page;

  /** @returns {HTMLElement} */
  element(id) {
    return this.#page.getElementById(id);
  }

  /** The one message that matters now. `act` is called with the action that was chosen. */
  status(message, act) {
    // A live region speaks whenever it is written to: only when something is new.
    if (!this.#new('status', message)) return;
    this.element('status').dataset.level = message.level;
    this.#text('status-title', message.title);
    this.#text('status-text', message.text);
    this.element('status-actions').replaceChildren(
      ...message.actions.map((action) => this.#button(action.label, () => act(action))),
    );
  }

  /** Which server the page talks to, and whether it does. */
  server({ state, info }, { host, foreign, fault }) {
    const shown = fault === null ? state : 'lost';
    this.element('server').dataset.state = shown;
    const how = { connecting: 'connecting', connected: info?.version, lost: 'no connection' }[shown];
    const text = joined([foreign ? `Other server ${host}` : host, how]);
    this.#text('server-text', text);
    this.element('server-text').title = foreign ? `${text}. This page came from another server.` : text;
  }

  /** Sessions on the server; null where they are not known. */
  sessions(sessions, chosen, locked, choose) {
    if (!this.#new('sessions', [sessions, chosen, locked])) return;
    const list = this.element('sessions');
    const focused = this.#page.activeElement?.dataset?.session;
    if (!sessions?.length) {
      const nothing = this.#node('li', 'nothing', sessions ? 'None yet: name one above and start.' : 'Not known: no server.');
      list.replaceChildren(nothing);
      return;
    }
    list.replaceChildren(
      ...sessions.map(({ session, peers, max_peers: maxPeers }) => {
        const button = this.#button('', () => choose(session));
        button.append(this.#node('span', '', session), this.#node('span', 'number', `${peers} of ${maxPeers}`));
        button.setAttribute('aria-pressed', String(session === chosen));
        button.dataset.session = session;
        button.disabled = locked;
        const item = this.#node('li', '', '');
        item.append(button);
        return item;
      }),
    );
    if (focused !== undefined) list.querySelector(`[data-session="${CSS.escape(focused)}"]`)?.focus();
  }

  /** A line under a field. `level` is `error` or ''. */
  hint(field, text, level = '') {
    const hint = this.element(`${field}-hint`);
    hint.textContent = text;
    hint.title = text;
    hint.dataset.level = level;
    this.element(field).setAttribute('aria-invalid', String(level === 'error'));
  }

  /** Cameras, microphones and what stands in for them; keeps what was chosen where it is still there. */
  devices({ cameras, microphones }) {
    this.#options('video-source', [...cameras, { id: TEST, label: 'Test picture' }]);
    this.#options('audio-source', [...microphones, { id: SILENCE, label: 'No sound' }, { id: TEST, label: 'Test tone' }]);
  }

  /** Whether a call is on: what may be changed, and what the button does. */
  mode(inCall) {
    const call = this.element('call');
    call.dataset.action = inCall ? 'end' : 'start';
    call.textContent = inCall ? 'End call' : 'Start call';
    for (const id of ['session', 'name']) this.element(id).disabled = inCall;
  }

  /** @param {{id: string, name: string, what: string | null, state: string}[]} peers */
  peers(peers) {
    if (!this.#new('peers', peers)) return;
    const items = peers.map(({ id, name, what, state }) => {
      const item = this.#node('li', '', '');
      item.dataset.state = state;
      const lamp = this.#node('span', 'lamp', '');
      lamp.setAttribute('aria-hidden', 'true');
      const who = this.#node('span', 'who', name);
      who.title = id;
      item.append(lamp, who, this.#node('span', 'what', joined([what, PEER_STATE[state]])));
      return item;
    });
    if (items.length === 0) items.push(this.#node('li', 'nothing', 'You are in no session yet.'));
    this.element('peers').replaceChildren(...items);
  }

  /** A picture appears in a tile or goes; `text` stands in its place. */
  tile(name, { live, filled, text }) {
    this.element(`${name}-tile`).toggleAttribute('data-live', live);
    this.element(`${name}-empty`).hidden = filled;
    this.#text(`${name}-empty-text`, text);
  }

  caption(name, text) {
    this.#text(`${name}-caption`, text);
  }

  level(name, level) {
    this.element(`${name}-level`).style.transform = `scaleX(${level.toFixed(3)})`;
  }

  /** A switch and its word. */
  toggle(name, on) {
    this.element(`toggle-${name}`).setAttribute('aria-pressed', String(on));
  }

  /** Figures of the last second, or null outside a call. */
  figures(figures) {
    for (const [id, text] of Object.entries(figureTexts(figures))) this.#text(`f-${id}`, text);
    if (figures) this.#plots.bitrate.push(figures.sent.videoBps, figures.returned.videoBps);
  }

  /** @param {{method: string, p50Ms: number | null, p95Ms: number | null}} latency */
  latency({ method, p50Ms, p95Ms }) {
    this.element('delay').dataset.method = method;
    this.#text('latency', method === 'estimate' && p50Ms !== null ? `≥${number(p50Ms)}` : number(p50Ms));
    this.#text('latency-how', HOW[method]);
    this.#text('f-p50', milliseconds(method === 'estimate' ? null : p50Ms));
    this.#text('f-p95', milliseconds(p95Ms));
    if (method !== 'none') this.#plots.latency.push(method === 'estimate' ? null : p50Ms, p95Ms);
  }

  /** A new call: the curves start anew. */
  clearPlots() {
    for (const plot of Object.values(this.#plots)) plot.clear();
  }

  /** The last data output. */
  data({ output, type, sequence, mediaTimeNs, value }) {
    this.#text('data-head', joined([output || null, `no. ${sequence}`, `at ${(mediaTimeNs / 1e9).toFixed(2)} s`]));
    const texts = { json: () => JSON.stringify(value, null, 1), text: () => value };
    this.#text('data', (texts[type]?.() ?? `${type}, ${value.byteLength} bytes`).slice(0, DATA_CHARACTERS));
  }

  /** A line in the list of events. */
  log(sentence) {
    const list = this.element('log');
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
    const item = this.#node('li', '', '');
    item.append(this.#node('time', '', new Date().toTimeString().slice(0, 8)), this.#node('span', '', sentence));
    list.append(item);
    while (list.children.length > LOG_LINES) list.firstChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  #options(id, options) {
    const select = this.element(id);
    const chosen = select.value;
    select.replaceChildren(
      ...options.map((option) => Object.assign(this.#page.createElement('option'), { value: option.id, textContent: option.label })),
    );
    if (options.some((option) => option.id === chosen)) select.value = chosen;
  }

  #text(id, text) {
    const element = this.element(id);
    if (element.textContent !== text) element.textContent = text;
  }

  #node(name, className, text) {
    return Object.assign(this.#page.createElement(name), { className, textContent: text });
  }

  #button(label, onClick) {
    const button = Object.assign(this.#page.createElement('button'), { type: 'button', textContent: label });
    button.addEventListener('click', onClick);
    return button;
  }

  /** True where `value` differs from the last one under this name. */
  #new(name, value) {
    const text = JSON.stringify(value);
    if (this.#shown[name] === text) return false;
    this.#shown[name] = text;
    return true;
  }
}

/** The texts of all figures, by the end of their element's id. */
function figureTexts(figures) {
  const { sent = {}, returned = {}, rttMs, route } = figures ?? {};
  return {
    'sent-size': size(sent.width, sent.height),
    'returned-size': size(returned.width, returned.height),
    'sent-rate': frameRate(sent.frameRate),
    'returned-rate': frameRate(returned.frameRate),
    'sent-video': bitrate(sent.videoBps),
    'returned-video': bitrate(returned.videoBps),
    'sent-audio': bitrate(sent.audioBps),
    'returned-audio': bitrate(returned.audioBps),
    'sent-codec': joined([sent.videoCodec, sent.audioCodec], ', '),
    'returned-codec': joined([returned.videoCodec, returned.audioCodec], ', '),
    'sent-loss': percent(sent.lossRatio),
    'returned-loss': percent(returned.lossRatio),
    'sent-time': milliseconds(sent.encodeMs),
    'returned-time': milliseconds(returned.decodeMs),
    rtt: milliseconds(rttMs),
    jitter: milliseconds(returned.jitterMs),
    buffer: milliseconds(returned.bufferMs),
    freezes: returned.freezes === null || returned.freezes === undefined ? '–' : String(returned.freezes),
    route: route ? `${route.local}–${route.remote} ${route.protocol}` : '–',
    limit: figures ? (sent.limitedBy ?? 'nothing') : '–',
  };
}
