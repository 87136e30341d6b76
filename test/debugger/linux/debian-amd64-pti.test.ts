/** Debian's 64-bit kernel with page-table isolation: a process has tables of its own, in which next to nothing of the kernel is. */
import assert from 'node:assert/strict';
import { describeKernel } from './debianKernels';

describeKernel({
  flavour: 'amd64', initrd: 'e1000-amd64', cpuModel: 'x86-64-v2', linkedTo: 0xffff_ffff_8100_0000n, writeCall: 1, hasTypes: true, callBytes: '0f05',
  parameters: 'pti=on', cpus: 2,
}, (linux) => {
  it('has isolated tables', async () => {
    assert.match(await linux().type('dmesg'), /page tables isolation: force enabled/);
  });
});
