/** The console's command `balloon`: what it shows, what it asks the machine for, and what it says to sizes that are none. */
import assert from 'node:assert/strict';
import { balloonCommand } from '../../debugger/balloonCommand';
import { Target } from '../../debugger/target';
import type { BalloonView, FrameMap } from '../../src/monitor/inspection/queries';
import type { MachineInput } from '../../src/monitor/devices/device';
import { FakeMachine } from './fakeMachine';

const MIB = 1 << 20;
const VIEW: BalloonView = {
  memory: 256 * MIB, target: 192 * MIB, taken: 60 * MIB, driven: true, statistics: [{ name: 'free', value: 12.5 * MIB }, { name: 'major faults', value: 1234 }],
};

/** A machine with this balloon. */
function withBalloon(view: BalloonView): { run(line: string): Promise<string>; readonly inputs: readonly MachineInput[]; changes(): number } {
  const machine = new FakeMachine({ bits: 32, mapped: [], images: [], entry: 0, stack: 0 });
  const plain = machine.inspect.frames;
  machine.inspect.frames = async (): Promise<FrameMap> => ({ ...await plain(), balloon: view });
  let changes = 0;
  const [name, command] = balloonCommand(new Target(machine), () => changes++);
  assert.equal(name, 'balloon');
  return { run: (words) => command.run(words === '' ? [] : words.split(' ')), inputs: machine.inputs, changes: () => changes };
}

describe('the console command balloon', () => {
  it('shows how memory stands, with what the driver tells', async () => {
    const it = withBalloon(VIEW);
    assert.equal(await it.run(''), ['memory        256 MiB', 'wanted        192 MiB', 'given back    60 MiB', 'free          12.5 MiB', 'major faults  1,234'].join('\n'));
    assert.deepEqual([it.inputs, it.changes()], [[], 0]);
    assert.match(await withBalloon({ ...VIEW, driven: false }).run(''), /no driver of the guest listens/);
  });

  it('asks for a size, written as in the configuration', async () => {
    const it = withBalloon(VIEW);
    for (const [words, memory] of [['64M', 64 * MIB], ['100 MiB', 100 * MIB], ['256M', 256 * MIB], ['65536k', 64 * MIB]] as const) {
      assert.match(await it.run(words), /^The guest is asked to do with \d+ MiB of its 256 MiB\. It does so as it runs\.$/);
      assert.deepEqual(it.inputs.at(-1), { kind: 'balloon', memory });
    }
    assert.equal(it.changes(), 4);
    assert.match(await withBalloon({ ...VIEW, driven: false }).run('64M'), /No driver of the guest listens yet/);
  });

  it('refuses what is no size, or more than there is', async () => {
    const it = withBalloon(VIEW);
    for (const [words, why] of [['64', /'64' is too little; write 1M to 256M/], ['300M', /'300M' is too much/], ['much', /'much' is not a size/], ['1.0001M', /not a multiple of 4K/]] as const) {
      await assert.rejects(it.run(words), why);
    }
    assert.deepEqual(it.inputs, []);
  });
});
