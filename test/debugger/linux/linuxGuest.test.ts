/** How little is asked of machines in which no Linux runs, and that nothing is remembered of a kernel that has gone. */
import assert from 'node:assert/strict';
import { LinuxGuest } from '../../../debugger/linux/linuxGuest';
import type { CpuState } from '../../../src/monitor/inspection/queries';
import type { MemorySpace } from '../../../src/monitor/machine/session';
import { cpuIn, IDT } from './fakeCpuState';

const RAM_BYTES = 8 * 1024 * 1024;
/** Reads that are more than a look. */
const SEARCH_BYTES = 65_536;

/** A machine with 8 MiB, whose page fault handler is at an address that leads to physical 1 MiB. */
function machine(cpu: CpuState, handler: bigint): { guest: LinuxGuest; reads: number[]; handlerCode: Uint8Array } {
  const reads: number[] = [];
  const ram = new Uint8Array(RAM_BYTES);
  const handlerCode = ram.subarray(0x10_0000, 0x10_0010);
  const is64 = cpu.codeBits === 64;
  const gate = new DataView(ram.buffer, Number(IDT) + 14 * (is64 ? 16 : 8));
  gate.setUint16(0, Number(handler & 0xffffn), true);
  gate.setUint16(6, Number((handler >> 16n) & 0xffffn), true);
  if (is64) gate.setUint32(8, Number(handler >> 32n), true);
  const physical = (space: MemorySpace, address: bigint): number => Number(space.kind !== 'physical' && address >= handler ? address - handler + 0x10_0000n : address);
  const guest = new LinuxGuest({
    stands: true,
    cpu: async () => cpu,
    inspect: {
      cpu: async () => cpu,
      readMemory: async (space, address, count) => {
        reads.push(count);
        return ram.slice(physical(space, address), physical(space, address) + count);
      },
      walk: async (_cr3, linear) => ({
        cr3: 0x1000, mode: '32-bit', linear, guest: [], shadow: [], physical: physical({ kind: 'linear' }, linear), tlb: { read: false, write: false, execute: false }, story: '',
      }),
    },
  }, { found: () => assert.fail('there is no Linux'), modulesChanged: () => assert.fail('there are no modules'), programsChanged: () => assert.fail('there are no programs') });
  return { guest, reads, handlerCode };
}

/** What one stop asks for. */
async function stop({ guest, reads }: ReturnType<typeof machine>): Promise<number[]> {
  guest.forget();
  assert.equal(await guest.look(), undefined);
  return reads.splice(0);
}

describe('a machine without Linux', () => {
  it('is not read at all in real mode, and before paging', async () => {
    assert.deepEqual(await stop(machine(cpuIn('real'), 0xc100_0000n)), []);
    assert.deepEqual(await stop(machine(cpuIn('protected-32', 1n), 0xc100_0000n)), []);
  });

  it('is asked for one descriptor when its handlers are where Linux has none', async () => {
    assert.deepEqual(await stop(machine(cpuIn('protected-32'), 0x10_0000n)), [8]);
    assert.deepEqual(await stop(machine(cpuIn('long-64'), 0xffff_8000_0010_0000n)), [16]);
  });

  it('is searched once when its handlers are where Linux would have them, and again only when they have changed', async () => {
    for (const tested of [machine(cpuIn('protected-32'), 0xc100_0000n), machine(cpuIn('long-64'), 0xffff_ffff_8100_0000n)]) {
      assert.ok((await stop(tested)).some((bytes) => bytes >= SEARCH_BYTES), 'a search');
      for (let again = 0; again < 3; again++) assert.ok((await stop(tested)).every((bytes) => bytes <= 16), 'a look');
      tested.handlerCode[3] ^= 0xff;
      assert.ok((await stop(tested)).some((bytes) => bytes >= SEARCH_BYTES), 'another handler, another search');
    }
  });

  it('is no longer searched once the machine goes', async () => {
    const tested = machine(cpuIn('protected-32'), 0xc100_0000n);
    const looking = tested.guest.look();
    tested.guest.forget();
    assert.equal(await looking, undefined);
    assert.ok(tested.reads.every((bytes) => bytes < SEARCH_BYTES), `reads of ${tested.reads.join(', ')} bytes`);
  });

  it('has no names, types or variables', () => {
    const { guest } = machine(cpuIn('protected-32'), 0x10_0000n);
    assert.deepEqual([guest.symbolAt(0xc100_0000n), guest.symbolNamed('init_task'), guest.typeNamed('struct task_struct'), guest.variableNamed('$current')], Array(4).fill(undefined));
    assert.deepEqual(guest.namesStartingWith('v', 10), []);
  });
});
