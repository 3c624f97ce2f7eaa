// How loud a stream is, ten times a second.

const PERIOD_MS = 100;

/** Quietest level that shows, in decibels below full scale. */
const FLOOR_DB = -60;

/** Meters for the sound of streams; all share one audio context. */
export class LevelMeters {
  #context = null;
  #meters = new Map();
  #timer = null;

  /** To be called after a click: browsers hold audio until the user did something. */
  start() {
    this.#context ??= new AudioContext();
    this.#context.resume();
    this.#timer ??= setInterval(() => this.#measure(), PERIOD_MS);
    for (const meter of this.#meters.values()) this.#connect(meter);
  }

  /**
   * Shows the level of a stream.
   *
   * @param {string} name of the meter; the stream before it there is let go.
   * @param {MediaStream | null} stream
   * @param {(level: number) => void} show gets 0 to 1, linear in decibels.
   */
  watch(name, stream, show) {
    this.#meters.get(name)?.source?.disconnect();
    const meter = { stream, show, source: null, analyser: null };
    this.#meters.set(name, meter);
    show(0);
    if (this.#context) this.#connect(meter);
  }

  #connect(meter) {
    if (meter.source || !meter.stream?.getAudioTracks().length) return;
    meter.source = this.#context.createMediaStreamSource(meter.stream);
    meter.analyser = new AnalyserNode(this.#context, { fftSize: 2048 });
    meter.source.connect(meter.analyser);
  }

  #measure() {
    const samples = new Float32Array(2048);
    for (const { analyser, show } of this.#meters.values()) {
      if (!analyser) continue;
      analyser.getFloatTimeDomainData(samples);
      let squares = 0;
      for (const sample of samples) squares += sample * sample;
      const db = 10 * Math.log10(squares / samples.length + 1e-12);
      show(Math.max(0, Math.min(1, 1 - db / FLOOR_DB)));
    }
  }
}
