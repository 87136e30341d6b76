/**
 * A thread that ends the process when a step of the fuzzer does not end: the thread with the boards cannot look at itself then.
 * In JavaScript, since threads are started without what compiles TypeScript.
 */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

/** Processor time of the process without a step being done, milliseconds, after which it does not end. */
const ENDLESS_MS = 20_000;
const LOOK_EVERY_MS = 1000;

function cpuMilliseconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

let seen = { seed: -1, step: -1, since: 0 };
setInterval(() => {
  const [seed, step] = workerData;
  if (seed !== seen.seed || step !== seen.step) {
    seen = { seed, step, since: cpuMilliseconds() };
  } else if (cpuMilliseconds() - seen.since > ENDLESS_MS) {
    writeSync(2, `seed ${seed}, step ${step}: does not end\nnpm run fuzz:devices -- --seconds 1 --seed ${seed} brings it again\n`);
    process.kill(process.pid, 'SIGKILL');
  }
}, LOOK_EVERY_MS);
