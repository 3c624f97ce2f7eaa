// The camera and microphone of this machine, or what stands in for them. Gives one stream that always has a video and
// an audio track, so that a call never needs to negotiate anew when a source changes.

import { startTestPicture, startTestTone } from './testpicture.js';

/** Values of a choice that are not device ids. */
export const TEST = 'test';
export const SILENCE = 'silence';

const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

/** A source could not be opened. `kind` is `camera` or `microphone`, `name` the browser's name of the cause. */
export class CaptureError extends Error {
  constructor(kind, cause) {
    super(`${kind}: ${cause.message}`, { cause });
    this.name = 'CaptureError';
    this.kind = kind;
    this.reason = cause.name;
  }
}

/** Sources of this page; at most one of each kind is open. */
export class Capture {
  /** What is sent; empty until opened. */
  stream = new MediaStream();
  #video = null;
  #audio = null;
  /** Choices made so far, by kind: who waited for a device while another choice was made comes too late. */
  #choices = { camera: 0, microphone: 0 };
  /** What the last choice of each kind came to, once it has. */
  #openings = { camera: null, microphone: null };
  #context = null;
  #every;

  /** @param {import('./timers.js').SteadyTimers['every']} every keeps its pace also while the page is hidden. */
  constructor(every) {
    this.#every = every;
  }

  /** True where the browser lets this page ask for devices at all. */
  get allowed() {
    return navigator.mediaDevices?.getUserMedia !== undefined;
  }

  /** Devices by kind. Labels are empty until a device was opened once. */
  async devices() {
    const all = this.allowed ? await navigator.mediaDevices.enumerateDevices() : [];
    const named = (kind, word) =>
      all
        .filter((device) => device.kind === kind)
        .map(({ deviceId, label }, i) => ({ id: deviceId, label: label || `${word} ${i + 1}` }));
    return { cameras: named('videoinput', 'Camera'), microphones: named('audioinput', 'Microphone') };
  }

  /** True where the user allowed the camera before, so that opening it asks nothing. */
  async alreadyAllowed() {
    try {
      return this.allowed && (await navigator.permissions.query({ name: 'camera' })).state === 'granted';
    } catch {
      // Firefox has no such permission to query.
      return false;
    }
  }

  /**
   * Opens a picture source and puts it in the place of the one before.
   *
   * @param {string} choice a device id, '' for the browser's choice, or TEST.
   * @returns {Promise<MediaStreamTrack | null>} null: another choice was made in the meantime, and is open or has failed.
   * @throws {CaptureError} the source before, if any, stays.
   */
  openVideo(choice) {
    return this.#choose('camera', (turn) => this.#openVideo(choice, turn));
  }

  /**
   * Opens a sound source and puts it in the place of the one before.
   *
   * @param {string} choice a device id, '' for the browser's choice, TEST or SILENCE.
   * @returns {Promise<MediaStreamTrack | null>} null: another choice was made in the meantime, and is open or has failed.
   * @throws {CaptureError} the source before, if any, stays.
   */
  openAudio(choice) {
    return this.#choose('microphone', (turn) => this.#openAudio(choice, turn));
  }

  /** Lets generated sound run; browsers hold it until the user did something. */
  resume() {
    this.#context?.resume();
  }

  #choose(kind, open) {
    this.#choices[kind] += 1;
    this.#openings[kind] = open(this.#choices[kind]);
    return this.#openings[kind];
  }

  async #openVideo(choice, turn) {
    if (choice === TEST) return this.#useVideo(startTestPicture(this.#every));
    const device = choice ? { deviceId: { exact: choice } } : {};
    const track = await this.#ask('camera', turn, { video: { ...VIDEO, ...device } });
    return track && this.#useVideo({ track, stop: () => track.stop() });
  }

  async #openAudio(choice, turn) {
    if (choice === TEST || choice === SILENCE) {
      this.#context ??= new AudioContext();
      this.resume();
      return this.#useAudio(startTestTone(this.#context, choice === TEST));
    }
    const device = choice ? { deviceId: { exact: choice } } : {};
    const track = await this.#ask('microphone', turn, { audio: device });
    return track && this.#useAudio({ track, stop: () => track.stop() });
  }

  async #ask(kind, turn, constraints) {
    if (!this.allowed) throw new CaptureError(kind, { name: 'Insecure', message: 'the page is not secure' });
    try {
      const [track] = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks();
      if (turn === this.#choices[kind]) return track;
      track.stop();
    } catch (error) {
      if (turn === this.#choices[kind]) throw new CaptureError(kind, error);
    }
    // Overtaken. Who waits for a source wants to know when there is one.
    await this.#openings[kind].catch(() => {});
    return null;
  }

  #useVideo(source) {
    const enabled = this.#video?.track.enabled ?? true;
    this.#video = this.#swap(this.#video, source, enabled);
    source.track.contentHint = 'motion';
    return source.track;
  }

  #useAudio(source) {
    const enabled = this.#audio?.track.enabled ?? true;
    this.#audio = this.#swap(this.#audio, source, enabled);
    return source.track;
  }

  #swap(before, source, enabled) {
    if (before) {
      this.stream.removeTrack(before.track);
      before.stop();
    }
    source.track.enabled = enabled;
    this.stream.addTrack(source.track);
    return source;
  }
}
