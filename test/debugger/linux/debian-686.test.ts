/** Debian's 32-bit kernel, which has symbols of code alone, no types, and frame pointers. */
import { describeKernel } from './debianKernels';

describeKernel({
  flavour: '686', initrd: 'e1000-686', cpuModel: 'pentium3', linkedTo: 0xc100_0000n, writeCall: 4, hasTypes: false, callBytes: 'cd80',
});
