// Runs in a worker: the clock behind timers.js. Takes {id, periodMs} to begin, {id, periodMs: null} to end and
// {id, done: true} when a tick was used; sends the id for each tick.

/** Timers by id; `used` is false while the page has yet to say that it used the last tick. */
const timers = new Map();

function tick(id) {
  const timer = timers.get(id);
  if (!timer.used) return;
  timer.used = false;
  self.postMessage(id);
}

self.onmessage = ({ data: { id, periodMs, done } }) => {
  const timer = timers.get(id);
  if (done) {
    if (timer) timer.used = true;
    return;
  }
  clearInterval(timer?.interval);
  timers.delete(id);
  if (periodMs !== null) timers.set(id, { interval: setInterval(tick, periodMs, id), used: true });
};
