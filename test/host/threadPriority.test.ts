/** Which threads of a process go first: asked in a process of its own, of the system. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';

const SOURCE = path.resolve('src/host/node/threadPriority.ts');

/** What a program writes in JSON that has the functions of threadPriority.ts, and `priorities()`: those of its threads, by their numbers. */
function told(program: string): unknown {
  const whole = `
    const { readdirSync, readlinkSync } = require('node:fs');
    const { getPriority } = require('node:os');
    const { letLaterThreadsGoFirst, letOthersGoFirst } = require(${JSON.stringify(SOURCE)});
    const priorities = () => Object.fromEntries(readdirSync('/proc/self/task').map((thread) => [thread, getPriority(Number(thread))]));
    ${program}`;
  return JSON.parse(execFileSync(process.execPath, ['--require', 'tsx/cjs', '-e', whole], { encoding: 'utf8' }));
}

describe('priorities of threads', function () {
  this.timeout(30_000);

  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  it('are lower for all that there are but the first one', () => {
    const { pid, before, after } = told('const before = priorities(); letLaterThreadsGoFirst(); console.log(JSON.stringify({ pid: process.pid, before, after: priorities() }));') as {
      pid: number; before: Record<string, number>; after: Record<string, number>;
    };
    const others = Object.keys(before).filter((thread) => Number(thread) !== pid);
    assert.ok(others.length >= 4, 'V8 has its threads');
    for (const thread of others) assert.ok((after[thread] ?? 0) > (before[thread] ?? 0), `thread ${thread}`);
    assert.equal(after[pid], before[pid]);
  });

  it('is lower for a thread that says so, and for no other', () => {
    const { own, before, after } = told(`
      const before = priorities();
      letOthersGoFirst();
      console.log(JSON.stringify({ own: readlinkSync('/proc/thread-self').split('/').pop(), before, after: priorities() }));`) as {
      own: string; before: Record<string, number>; after: Record<string, number>;
    };
    const changed = Object.keys(before).filter((thread) => after[thread] !== before[thread]);
    assert.deepEqual(changed, [own]);
    assert.ok((after[own] ?? 0) > (before[own] ?? 0));
  });
});
