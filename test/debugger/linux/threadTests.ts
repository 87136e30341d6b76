/** What holds for each of Debian's kernels about processes of several threads: the debugger says of them what the guest says of itself. */
import assert from 'node:assert/strict';
import { leaveOut } from '../../support/leaveOut';
import type { BootedLinux } from './bootedLinux';
import type { buildUserProgram } from './userProgram';

const MOST_TRIES = 20;

interface Thread {
  readonly tid: string;
  readonly name: string;
  readonly state: string;
}

/** The threads of a process, as /proc says it. */
async function threadsOf(linux: BootedLinux, pid: string): Promise<Thread[]> {
  const rows = (await linux.type(`cat /proc/${pid}/task/*/stat`)).split('\n').map((row) => /^(\d+) \((\w+)\) (\w) /.exec(row));
  return rows.map((row) => ({ tid: row?.[1] ?? '', name: row?.[2] ?? '', state: row?.[3] ?? '' }));
}

/** Declares the tests; they are to stand where the guest runs and waits for a command. */
export function testThreads(linux: () => BootedLinux, program: () => ReturnType<typeof buildUserProgram>): void {
  it("lists the threads of a process, and shows where each of them waits", async function () {
    const built = program();
    if ('missing' in built) leaveOut(this, built.missing);
    const guest = linux();
    const [pid] = /\d+$/.exec(await guest.type('threads & echo $!')) ?? assert.fail('no number');
    let theirs: Thread[] = [];
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      theirs = await threadsOf(guest, pid);
      if (theirs.map(({ name, state }) => `${name} ${state}`).join() === 'threads S,reader S,writer S') break;
    }
    assert.deepEqual(theirs.map(({ name }) => name), ['threads', 'reader', 'writer']);
    const wait = (await guest.type(`cat /proc/${pid}/task/${theirs[1].tid}/wchan; echo`)).trim();
    await guest.pause();
    const { processes } = await guest.client.request('shadowbox.processes');
    const [first, ...further] = theirs;
    const ours = processes.filter(({ name }) => ['threads', 'reader', 'writer'].includes(name));
    assert.deepEqual(ours.map(({ pid: number, threads }) => [number, threads]), [[Number(pid), further.map(({ tid, name }) => ({ tid: Number(tid), state: 'S', name, current: false }))]]);
    assert.deepEqual(processes.filter(({ threads, pid: number }) => threads !== undefined && number !== Number(pid)), [], 'the others have one thread each');
    const listed = (await guest.console('ps')).split('\n').filter((row) => / (threads|reader|writer)$/.test(row)).map((row) => row.trim().split(/ +/));
    const own = listed[0][3];
    assert.match(own, /^0x/);
    assert.deepEqual(listed.map(([number, parent, state, cr3, , name]) => [number, parent, state, cr3, name]), [
      [first.tid, '1', 'S', own, 'threads'], ...further.map(({ tid, name }) => [tid, `(${pid})`, 'S', own, name]),
    ]);
    for (const [, , , , waitsIn] of listed) assert.equal(await guest.number(waitsIn), await guest.number(wait));
    for (const { tid, name } of further) {
      const stack = (await guest.console(`stack ${tid}`)).split('\n');
      assert.match(stack[0], new RegExp(`^${name} \\(${tid}\\), thread of ${pid}, state S, waits in \\w+$`));
      const edge = stack.findIndex((row) => /^ +— system call \d+ \(pause\) —$/.test(row));
      const behind = stack.slice(edge + 1).map((row) => row.replace(/^0x\w+ +/, '')).filter((row) => !row.startsWith('call (inlined)'));
      assert.equal(behind[0], `thread (counter.c:${built.line('thread')})`, stack.join('\n'));
    }
    const { targets } = await guest.client.request('completions', { text: 'stack ', column: 7 });
    assert.ok(theirs.every(({ tid }) => targets.some(({ label }) => label === tid)), JSON.stringify(targets));
    await guest.goOn();
    await guest.type(`kill ${pid}; wait`);
  });
}
