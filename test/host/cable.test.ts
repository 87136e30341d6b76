/** The way of frames into a machine: order, pace, answers, refusals. */
import assert from 'node:assert/strict';
import { Cable } from '../../src/host/cable';
import type { MachineInput } from '../../src/monitor/devices/device';
import { validateConfiguration } from '../../src/monitor/machine/configuration';
import { FakeMachine } from './fakeMachine';

/** 1514 bytes and 24 between two frames, at 8 cycles each. */
const FULL = 12_304;

function machineOf(): FakeMachine {
  const validation = validateConfiguration({ kernel: 'kernel', cmdline: 'count' }, { front: 'editor' });
  assert.ok('configuration' in validation);
  return new FakeMachine({ configuration: validation.configuration, modules: [], disks: [] });
}

function frames(count: number, first = 0): MachineInput[] {
  return Array.from({ length: count }, (_, index) => ({ kind: 'frame', port: 'net0', bytes: new Uint8Array(1514).fill(first + index) }));
}

const fail = (error: unknown): void => assert.fail(String(error));

describe('the cable', () => {
  it('brings 24 frames at once, then one in 12.3 microseconds of virtual time, in order, and answers when all are in', () => {
    const machine = machineOf();
    const cable = new Cable(machine);
    const answers: (readonly number[])[] = [];
    cable.add(frames(20), (times) => answers.push(times), fail);
    cable.add(frames(50, 20), (times) => answers.push(times), fail);
    const taken = (): number[] => machine.recording().inputs.map(({ input }) => (input.kind === 'frame' ? input.bytes[0] : -1));
    cable.deliver();
    assert.ok(taken().length >= 24 && taken().length <= 25);
    assert.deepEqual(answers, [new Array(20).fill(0)]);
    const before = taken().length;
    cable.deliver();
    assert.equal(taken().length, before);
    machine.warp(cable.cyclesToNext);
    cable.deliver();
    assert.equal(taken().length, before + 1);
    machine.warp(2 * FULL);
    cable.deliver();
    assert.equal(taken().length, before + 3);
    for (let round = 0; round < 5; round += 1) {
      machine.warp(20 * FULL);
      cable.deliver();
    }
    cable.deliver();
    assert.deepEqual(taken(), Array.from({ length: 70 }, (_, index) => index));
    assert.equal(answers[1].length, 50);
    assert.equal(cable.isWaiting, false);
  });

  it('hands refusals on, and goes on with what is behind', () => {
    const machine = machineOf();
    const refused: unknown[] = [];
    const answers: (readonly number[])[] = [];
    const cable = new Cable(machine);
    machine.input = (input) => { if (input.kind === 'frame' && input.bytes[0] === 0) throw new RangeError('there is no card'); };
    cable.add(frames(2), () => assert.fail(), (error) => refused.push(error));
    cable.add(frames(1, 5), (times) => answers.push(times), fail);
    cable.deliver();
    assert.equal(refused.length, 1);
    assert.equal(answers.length, 1);
  });
});
