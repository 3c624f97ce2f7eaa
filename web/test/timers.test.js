import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { SteadyTimers } from '../timers.js';

/** The worker's own code, whose messages arrive when the test says so. */
async function pair() {
  const toPage = [];
  let receive;
  globalThis.self = { postMessage: (id) => toPage.push(id) };
  await import(`../timerworker.js?${Math.random()}`);
  const { onmessage } = globalThis.self;
  const worker = {
    addEventListener: (_type, listener) => (receive = listener),
    postMessage: (data) => onmessage({ data }),
  };
  const deliver = () => toPage.splice(0).forEach((data) => receive({ data }));
  return { timers: new SteadyTimers(worker), deliver };
}

test('a timer ticks at its pace until it is ended, each at its own', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const { timers, deliver } = await pair();
    const counts = [0, 0];
    const stop = timers.every(100, () => (counts[0] += 1));
    timers.every(250, () => (counts[1] += 1));
    const pass = (steps) => {
      for (let i = 0; i < steps; i += 1) {
        mock.timers.tick(50);
        deliver();
      }
    };
    pass(10);
    assert.deepEqual(counts, [5, 2]);
    stop();
    stop();
    pass(10);
    assert.deepEqual(counts, [5, 4]);
  } finally {
    mock.timers.reset();
  }
});

test('ticks that come due while the page is busy are left out, not made up for', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const { timers, deliver } = await pair();
    let count = 0;
    timers.every(100, () => (count += 1));
    mock.timers.tick(5000);
    deliver();
    assert.equal(count, 1);
    mock.timers.tick(100);
    deliver();
    assert.equal(count, 2);
  } finally {
    mock.timers.reset();
  }
});

test('a tick under way when its timer is ended is not heard any more', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const { timers, deliver } = await pair();
    let count = 0;
    const stop = timers.every(100, () => (count += 1));
    mock.timers.tick(100);
    stop();
    deliver();
    assert.equal(count, 0);
  } finally {
    mock.timers.reset();
  }
});
