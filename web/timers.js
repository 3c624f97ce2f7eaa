// Timers that keep their pace in a tab that nobody looks at. Browsers slow the timers of a hidden page down to one tick a
// second, and later to one a minute, but not those of its workers: the time is kept in one (timerworker.js).

/** Repeats things at the pace of a worker. */
export class SteadyTimers {
  #worker;
  #ticks = new Map();
  #lastId = 0;

  /** @param {Pick<Worker, 'postMessage' | 'addEventListener'>} worker that runs timerworker.js. */
  constructor(worker) {
    this.#worker = worker;
    worker.addEventListener('message', ({ data: id }) => {
      try {
        this.#ticks.get(id)?.();
      } finally {
        worker.postMessage({ id, done: true });
      }
    });
  }

  /**
   * Calls `tick` every so many milliseconds; ticks that come due while the page is busy with one are left out.
   *
   * @param {number} periodMs
   * @param {() => void} tick
   * @returns {() => void} ends it.
   */
  every(periodMs, tick) {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#ticks.set(id, tick);
    this.#worker.postMessage({ id, periodMs });
    return () => {
      if (this.#ticks.delete(id)) this.#worker.postMessage({ id, periodMs: null });
    };
  }
}
