/** Which idle time of a guest takes wall time, by a machine server whose clock goes on only while it sleeps. The machine is a fake. */
import assert from 'node:assert/strict';
import { MachineServer, type ServerSurroundings } from '../../src/host/machineServer';
import type { CallMessage } from '../../src/host/protocol';
import { validateConfiguration } from '../../src/monitor/machine/configuration';
import type { RunRequest } from '../../src/monitor/machine/session';
import { FakeMachine } from './fakeMachine';

/** The fake guest idles so long at a time, in milliseconds. */
const TICK_MS = 10;

/** Milliseconds that a server sleeps in each of `ticks` rounds with a guest that does nothing but idle. */
function sleeps(request: RunRequest, ticks: number, more: Partial<ServerSurroundings> = {}): number[] {
  const validation = validateConfiguration({ kernel: 'kernel', cmdline: 'tick' }, { front: 'editor' });
  assert.ok('configuration' in validation);
  const calls: CallMessage[] = [{ id: 1, name: 'resume', parameters: [request] }];
  const slept: number[] = [];
  let clock = 0;
  const server = new MachineServer(new FakeMachine({ configuration: validation.configuration, modules: [], disks: [] }), {
    port: { post: () => undefined, receive: () => calls.shift() },
    doorbell: {
      rung: () => calls.length > 0,
      wait: (milliseconds) => {
        slept.push(Math.round(milliseconds));
        clock += milliseconds;
      },
    },
    now: () => clock,
    pace: 'realtime',
    ...more,
  });
  for (let tick = 0; tick < ticks; tick++) server.turn();
  return slept;
}

const CONTINUE: RunRequest = { kind: 'continue' };
const STEP: RunRequest = { kind: 'step', over: false };

describe('idle time of a guest', () => {
  it('takes wall time where the pace is that of real time', () => {
    assert.deepEqual(sleeps(CONTINUE, 3), [TICK_MS, TICK_MS, TICK_MS]);
  });

  it('passes at once in a step, to what wakes the processor', () => {
    assert.deepEqual(sleeps(STEP, 10), []);
  });

  it('takes wall time again in a step that has passed 100 ms of it', () => {
    assert.deepEqual(sleeps(STEP, 12), [TICK_MS, TICK_MS]);
  });

  it('takes wall time in a step, too, where somebody out there answers the guest', () => {
    assert.deepEqual(sleeps(STEP, 2, { networked: true }), [TICK_MS, TICK_MS]);
    assert.deepEqual(sleeps(CONTINUE, 2, { networked: true, pace: 'fast' }), [TICK_MS, TICK_MS]);
  });

  it('takes none at the pace fast', () => {
    assert.deepEqual(sleeps(CONTINUE, 100, { pace: 'fast' }), []);
  });
});
