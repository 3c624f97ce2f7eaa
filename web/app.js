// Puts the parts together: what the user does goes to the capture and the session, what these tell goes to the page.

import { serverOf } from './address.js';
import { Capture, CaptureError, SILENCE, TEST } from './capture.js';
import { DataFrameError, parseDataFrame } from './dataframe.js';
import { frameRate, joined, size } from './format.js';
import { GlassMeter } from './glass.js';
import { LevelMeters } from './level.js';
import { addressMessage, callMessage, captureMessage, expelledMessage, joinMessage, readyMessage, serverMessage } from './messages.js';
import { MAX_NAME, idFrom, randomId } from './names.js';
import { watchFrames } from './sampler.js';
import { Session } from './session.js';
import { estimatedLatencyMs, figuresOf, snapshotOf } from './stats.js';
import { SteadyTimers } from './timers.js';
import { Ui } from './ui.js';

const FIGURES_MS = 1000;
const SESSIONS_MS = 3000;

/** Which message is shown when several things are wrong. */
const RANK = { error: 3, warning: 2, good: 1, info: 1 };

const query = new URLSearchParams(location.search);
const server = serverOf(location);

const ui = new Ui(document);
const clock = new Worker(new URL('./timerworker.js', import.meta.url), { type: 'module' });
const timers = new SteadyTimers(clock);
const every = (periodMs, tick) => timers.every(periodMs, tick);
const capture = new Capture(every);
const session = new Session(server.url, { every });
const glass = new GlassMeter();
const levels = new LevelMeters();
const sessionField = ui.element('session');
const nameField = ui.element('name');
const videoSource = ui.element('video-source');
const audioSource = ui.element('audio-source');
const sentVideo = ui.element('sent-video');
const returnedVideo = ui.element('returned-video');

/** Messages besides those of server and call. */
const notices = { camera: null, microphone: null, join: null };
const presented = { sent: 0, returned: 0 };
let sessions = null;
let before = null;
let starting = false;
let wasConnected = false;

const inCall = () => session.membership !== null;

// Showing

function show() {
  ui.server(session.server, server);
  ui.mode(inCall());
  ui.element('call').disabled = starting || server.fault !== null;
  showHints();
  ui.sessions(sessions, sessionField.value, inCall(), chooseSession);
  ui.peers(peopleHere());
  showTiles();
  ui.status(statusMessage(), act);
}

function statusMessage() {
  if (server.fault !== null) return addressMessage(server);
  const { membership, call } = session;
  const { state, error, info } = session.server;
  const isLost = state === 'lost';
  // A call that is broken tells of the server by itself.
  const lost = isLost && !['interrupted', 'failed'].includes(call.state) ? serverMessage({ error, known: info !== null, membership, call }, { ...server, origin: location.origin }) : null;
  const others = (sessions ?? []).filter((one) => one.session !== membership?.session).length;
  const about = { session: membership?.session, others, pipeline: pipelineName(), present: pipelinePeer() !== undefined, relay: session.hasRelay, lost: isLost };
  const all = [notices.camera, notices.microphone, lost, notices.join, callMessage(call, about), readyMessage(server)].filter(Boolean);
  return all.reduce((worst, message) => (RANK[message.level] > RANK[worst.level] ? message : worst));
}

const pipelinePeer = () => [...session.peers.values()].find((peer) => peer.capabilities?.pipeline);

const pipelineName = () => pipelinePeer()?.peer_id ?? 'the pipeline';

function showHints() {
  const known = sessions?.find((one) => one.session === sessionField.value);
  const bad = sessionField.value !== '' && idFrom(sessionField.value) !== sessionField.value;
  if (sessionField.value.length > MAX_NAME) ui.hint('session', `${sessionField.value.length} characters: at most ${MAX_NAME}.`, 'error');
  else if (bad) ui.hint('session', 'Letters, digits and _ . : - only.', 'error');
  else if (!known) ui.hint('session', sessionField.value && sessions ? 'A new session.' : '');
  else ui.hint('session', known.peers >= known.max_peers ? 'This session is full.' : `${known.peers} of ${known.max_peers} peers are there.`);
  const id = idFrom(nameField.value);
  if (id === '') ui.hint('name', 'Without one you are a guest.');
  else ui.hint('name', id === nameField.value ? '' : `Others see ${id} in their logs.`);
}

function peopleHere() {
  if (!inCall()) return [];
  const { peerId, displayName } = session.membership;
  const others = [...session.peers.values()].map((peer) => ({
    id: peer.peer_id,
    name: peer.display_name ?? peer.peer_id,
    what: peer.capabilities?.pipeline ? 'pipeline' : peer.role === 'peer' ? null : peer.role,
    state: session.linkState(peer.peer_id) ?? 'here',
  }));
  return [{ id: peerId, name: displayName || peerId, what: 'you', state: 'you' }, ...others];
}

function showTiles() {
  const { state } = session.call;
  const live = state === 'connected' || state === 'interrupted';
  const [video] = capture.stream.getVideoTracks();
  ui.tile('sent', { live: live && video?.enabled === true, filled: video !== undefined, text: 'Your picture appears here.' });
  const waiting = { idle: 'What the pipeline returns appears here.', waiting: 'Waiting for a pipeline peer.', connecting: 'Connecting.', failed: 'Nothing comes back.' };
  const filled = live && returnedVideo.videoWidth > 0;
  ui.tile('returned', { live: filled, filled, text: waiting[state] ?? 'Waiting for the first picture.' });
}

async function showFigures() {
  const report = await session.stats();
  const now = report && snapshotOf(report);
  const figures = now && figuresOf(before, now);
  before = now;
  ui.figures(figures);
  ui.latency(latencyOf(figures));
  const rates = { sent: presented.sent, returned: presented.returned };
  presented.sent = 0;
  presented.returned = 0;
  ui.caption('sent', captionOf(sentVideo, rates.sent));
  ui.caption('returned', captionOf(returnedVideo, rates.returned));
}

function latencyOf(figures) {
  const none = { method: 'none', p50Ms: null, p95Ms: null };
  if (figures === null) return none;
  const measured = glass.report(performance.now());
  if (measured.method !== 'none') return measured;
  const estimate = estimatedLatencyMs(figures);
  return estimate === null ? none : { method: 'estimate', p50Ms: estimate, p95Ms: null };
}

function captionOf(video, rate) {
  if (!video.srcObject || video.videoWidth === 0) return 'no picture';
  return joined([size(video.videoWidth, video.videoHeight), frameRate(rate)]);
}

// Sources

function trackEnded(kind) {
  const gone = new CaptureError(kind, { name: 'OverconstrainedError', message: 'the device was unplugged' });
  notices[kind] = captureMessage(gone);
  ui.log(`${kind} ended`);
  show();
}

/** Opens what is chosen and sends it from now on. @returns {Promise<boolean>} whether it is open. */
async function openSource(kind) {
  const camera = kind === 'camera';
  try {
    const track = camera ? await capture.openVideo(videoSource.value) : await capture.openAudio(audioSource.value);
    if (track === null) return isOpen(kind);
    track.addEventListener('ended', () => trackEnded(kind));
    await session.replaceTrack(track);
    notices[kind] = null;
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    ui.log(error.message);
    if (!camera && error.reason === 'NotFoundError') {
      audioSource.value = SILENCE;
      return openSource(kind);
    }
    notices[kind] = captureMessage(error);
    show();
    return false;
  }
  // Labels come with the permission, and with them which device the browser took.
  ui.devices(await capture.devices());
  showTaken(camera ? videoSource : audioSource, tracksOf(kind)[0]);
  if (camera) sentVideo.srcObject = new MediaStream(capture.stream.getVideoTracks());
  else levels.watch('sent', capture.stream, (level) => ui.level('sent', level));
  glass.clear();
  show();
  return true;
}

const tracksOf = (kind) => (kind === 'camera' ? capture.stream.getVideoTracks() : capture.stream.getAudioTracks());

/** Whether there is something to send; a device that was unplugged leaves its track behind. */
const isOpen = (kind) => tracksOf(kind).some(({ readyState }) => readyState === 'live');

async function openSources() {
  if (!isOpen('camera') && !(await openSource('camera'))) return false;
  return isOpen('microphone') || openSource('microphone');
}

/** Has a choice show the device that is open, where the browser chose it. */
function showTaken(choice, track) {
  const { deviceId } = track?.getSettings() ?? {};
  if ([...choice.options].some(({ value }) => value === deviceId)) choice.value = deviceId;
}

function useCamera() {
  const camera = [...videoSource.options].find(({ value }) => value !== TEST);
  if (!camera) {
    notices.camera = captureMessage(new CaptureError('camera', { name: 'NotFoundError', message: 'there is none' }));
    return show();
  }
  videoSource.value = camera.value;
  return openSource('camera');
}

function useTestPicture() {
  videoSource.value = TEST;
  return openSource('camera');
}

function toggleTrack(name, tracks) {
  const on = ui.element(`toggle-${name}`).getAttribute('aria-pressed') !== 'true';
  for (const track of tracks) track.enabled = on;
  ui.toggle(name, on);
  show();
}

// The call

async function startCall() {
  notices.join = null;
  const chosen = { session: sessionField.value.trim(), peerId: idFrom(nameField.value) || `guest-${randomId().slice(0, 4)}` };
  if (chosen.session === '' || idFrom(chosen.session) !== chosen.session) {
    ui.hint('session', chosen.session === '' ? 'Name a session first.' : 'Letters, digits and _ . : - only.', 'error');
    sessionField.focus();
    return;
  }
  starting = true;
  show();
  try {
    if (!(await openSources())) return;
    levels.start();
    capture.resume();
    for (const [name, tracks] of [['camera', capture.stream.getVideoTracks()], ['microphone', capture.stream.getAudioTracks()]]) {
      const on = ui.element(`toggle-${name}`).getAttribute('aria-pressed') === 'true';
      for (const track of tracks) track.enabled = on;
    }
    before = null;
    glass.clear();
    ui.clearPlots();
    await session.join({ ...chosen, displayName: nameField.value.trim(), stream: capture.stream });
  } catch (error) {
    // That the server is lost is told already, and no longer when it is back.
    notices.join = session.server.state === 'lost' ? null : joinMessage(error, chosen);
    ui.log(`not joined: ${error.message}`);
  } finally {
    starting = false;
    show();
  }
}

async function endCall() {
  await session.leave();
  await listSessions();
}

function chooseSession(name) {
  sessionField.value = name;
  notices.join = null;
  show();
}

/** What the buttons in the status do. */
function act(action) {
  const steps = {
    'retry-camera': () => (videoSource.value === TEST ? useCamera() : openSource('camera')),
    'retry-microphone': () => openSource('microphone'),
    'test-picture': useTestPicture,
    silence: () => {
      audioSource.value = SILENCE;
      return openSource('microphone');
    },
    reconnect: () => session.reconnect(),
    'retry-call': () => session.retry(),
    'own-server': () => {
      query.delete('server');
      location.search = query;
    },
    rename: () => {
      nameField.value = action.name;
      return startCall();
    },
  };
  return steps[action.id]();
}

async function listSessions() {
  if (session.server.state === 'connected') {
    // A refusal here is no news for the user; the list stays as it was.
    sessions = await session.list().catch(() => sessions);
    if (sessionField.value === '' && document.activeElement !== sessionField) sessionField.value = sessions?.[0]?.session ?? 'studio';
  } else {
    sessions = null;
  }
  show();
}

// Wiring

session.addEventListener('change', () => {
  // The list is made as soon as there is somebody to ask.
  const connected = session.server.state === 'connected';
  if (connected && !wasConnected) listSessions();
  wasConnected = connected;
  show();
});
session.addEventListener('log', ({ detail }) => ui.log(detail));
session.addEventListener('expelled', ({ detail }) => {
  notices.join = expelledMessage(detail);
  show();
});
session.addEventListener('media', ({ detail }) => {
  if (returnedVideo.srcObject !== detail) returnedVideo.srcObject = detail;
  levels.watch('returned', detail, (level) => ui.level('returned', level));
  show();
});
session.addEventListener('data', ({ detail }) => {
  try {
    ui.data(parseDataFrame(detail));
  } catch (error) {
    if (!(error instanceof DataFrameError)) throw error;
    ui.log(`data: ${error.message}`);
  }
});

// The second half of a double click is not meant for what the button has become.
ui.element('call').addEventListener('click', (event) => {
  if (event.detail > 1) event.preventDefault();
});
ui.element('setup').addEventListener('submit', (event) => {
  event.preventDefault();
  if (inCall()) endCall();
  else if (!starting) startCall();
});
sessionField.addEventListener('input', () => chooseSession(sessionField.value));
nameField.addEventListener('input', show);
videoSource.addEventListener('change', () => openSource('camera'));
audioSource.addEventListener('change', () => openSource('microphone'));
ui.element('open-camera').addEventListener('click', useCamera);
ui.element('open-test').addEventListener('click', useTestPicture);
ui.element('toggle-camera').addEventListener('click', () => toggleTrack('camera', capture.stream.getVideoTracks()));
ui.element('toggle-microphone').addEventListener('click', () => toggleTrack('microphone', capture.stream.getAudioTracks()));
ui.element('toggle-listen').addEventListener('click', () => {
  returnedVideo.muted = !returnedVideo.muted;
  ui.toggle('listen', !returnedVideo.muted);
});
returnedVideo.addEventListener('resize', show);
navigator.mediaDevices?.addEventListener('devicechange', async () => ui.devices(await capture.devices()));
clock.addEventListener('error', () => ui.log('the page’s clock did not start: reload the page'));
addEventListener('pagehide', () => session.close());
addEventListener('online', () => session.reconnect());

watchFrames(sentVideo, () => (presented.sent += 1, session.call.state === 'connected'), ({ capturedMs, luma }) => glass.sent(capturedMs, luma));
watchFrames(returnedVideo, () => (presented.returned += 1, session.call.state === 'connected'), ({ displayedMs, luma }) => glass.returned(displayedMs, luma));

sessionField.value = query.get('session') ?? '';
nameField.value = [...(query.get('name') ?? '')].slice(0, MAX_NAME).join('');
const devices = await capture.devices();
ui.devices(devices);
show();
if (server.fault === null) session.open();
setInterval(listSessions, SESSIONS_MS);
every(FIGURES_MS, showFigures);
if (!capture.allowed) notices.camera = captureMessage(new CaptureError('camera', { name: 'Insecure', message: 'the page is not secure' }));
else if (await capture.alreadyAllowed()) await openSource('camera');
show();
