/** Debian's 32-bit kernel with physical address extension: tables of three levels, entries of eight bytes. */
import { describeKernel } from './debianKernels';

describeKernel({
  flavour: '686-pae', initrd: 'e1000-686-pae', cpuModel: 'pentium3', linkedTo: 0xc100_0000n, writeCall: 4, hasTypes: false, callBytes: 'cd80',
});
