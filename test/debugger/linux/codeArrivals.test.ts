/** Where a kernel is hooked to see code come, by what it has. */
import assert from 'node:assert/strict';
import { codeArrivals } from '../../../debugger/linux/codeArrivals';
import { userLayout32 } from '../../../debugger/linux/userMemory';

describe('code that comes into a process', () => {
  const kernel = (names: readonly string[]): Parameters<typeof codeArrivals>[0] => ({
    pointerBytes: 4,
    address: (name) => (names.includes(name) ? BigInt(0xc100_0000 + names.indexOf(name)) : undefined),
  });

  it('is seen where a program begins, and where an area has come that shows a file and may be executed', () => {
    const [begun, mapped, ...others] = codeArrivals(kernel(['finalize_exec', 'perf_event_mmap']), userLayout32(true));
    assert.deepEqual([begun, others], [{ linear: 0xc100_0000n }, []]);
    assert.equal(mapped.linear, 0xc100_0001n);
    const argument = (offset: bigint): object => ({
      kind: 'memory', space: 'linear', bytes: 4,
      address: { kind: 'binary', op: '+', left: { kind: 'register', name: 'eax' }, right: { kind: 'constant', value: offset } },
    });
    // struct vm_area_struct of 6.1 with PAE: vm_file at 60, vm_flags at 20; VM_EXEC is 4.
    assert.deepEqual(mapped.gate, { condition: { kind: 'and', left: argument(60n), right: { kind: 'binary', op: '&', left: argument(20n), right: { kind: 'constant', value: 4n } } } });
  });

  it('is not seen where the kernel has no such place, or its areas are not known', () => {
    assert.deepEqual(codeArrivals(kernel([]), userLayout32(false)), []);
    assert.deepEqual(codeArrivals(kernel(['finalize_exec', 'perf_event_mmap']), undefined), [{ linear: 0xc100_0000n }]);
  });
});
