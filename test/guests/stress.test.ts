/**
 * stress-ng of Debian in a Linux guest: its classes cpu and memory, a bounded number of operations of each, which it verifies itself.
 * Methods that compute in long double all the time are left out: they measure the x87 unit's speed, and its results have tests of their own.
 */
import assert from 'node:assert/strict';
import { LinuxGuest } from './support/linuxGuest';
import { FETCHING_MS, needGuests } from './support/testGuests';

/** Two minutes on a quiet machine of 2024, most of it the kernel's boot. */
const LONGEST_SECONDS = 900;

/** Methods of the stressor `cpu`, one operation each. */
const CPU_METHODS = [
  'ackermann', 'bitops', 'callfunc', 'collatz', 'correlate', 'crc16', 'decimal32', 'dither', 'div16', 'div64', 'double', 'factorial', 'fft', 'fibonacci', 'float',
  'gcd', 'gray', 'hamming', 'hanoi', 'idct', 'int8', 'int16', 'int32', 'int64', 'int128', 'int32float', 'int64double', 'intconversion', 'jmp', 'loop',
  'parity', 'prime', 'queens', 'rand', 'rand48', 'rgb', 'sieve', 'sqrt', 'stats', 'trig', 'union',
] as const;

/** Other stressors of these classes, each with its options. */
const STRESSORS = [
  'vm 1 --vm-bytes 256k --vm-ops 500', 'atomic 1 --atomic-ops 2', 'bsearch 1 --bsearch-size 1024 --bsearch-ops 2', 'hash 1 --hash-ops 2', 'heapsort 1 --heapsort-size 2048 --heapsort-ops 1',
  'hsearch 1 --hsearch-size 1024 --hsearch-ops 1', 'longjmp 1 --longjmp-ops 2', 'malloc 1 --malloc-bytes 1m --malloc-ops 500', 'matrix 1 --matrix-size 32 --matrix-ops 40', 'memcpy 1 --memcpy-ops 2',
  'memfd 1 --memfd-bytes 2m --memfd-fds 8 --memfd-ops 1', 'mergesort 1 --mergesort-size 2048 --mergesort-ops 1', 'mmap 1 --mmap-bytes 256k --mmap-ops 2', 'mremap 1 --mremap-bytes 256k --mremap-ops 2',
  'prefetch 1 --prefetch-l3-size 64k --prefetch-ops 1', 'qsort 1 --qsort-size 2048 --qsort-ops 1', 'radixsort 1 --radixsort-size 2048 --radixsort-ops 1', 'shellsort 1 --shellsort-size 2048 --shellsort-ops 1',
  'skiplist 1 --skiplist-size 1024 --skiplist-ops 1', 'str 1 --str-ops 20', 'tree 1 --tree-size 1024 --tree-ops 1', 'tsearch 1 --tsearch-size 1024 --tsearch-ops 1', 'wcs 1 --wcs-ops 20',
] as const;

const COMMANDS = [
  ...CPU_METHODS.map((method) => `cpu 1 --cpu-method ${method} --cpu-ops 1`),
  ...STRESSORS,
];

describe('stress-ng', function () {
  this.timeout((LONGEST_SECONDS + 60) * 1000);
  this.slow(LONGEST_SECONDS * 1000);

  before(function () {
    this.timeout(FETCHING_MS);
    needGuests(this, 'kernels', 'stress');
  });

  it('classes cpu and memory verify what they compute, on the amd64 kernel', async () => {
    const guest = new LinuxGuest({ flavour: 'amd64', initrd: 'stress-amd64', cpuModel: 'x86-64-v2', cpus: 1, memory: '256M', parameters: 'cryptomgr.notests', timeoutSeconds: LONGEST_SECONDS });
    try {
      await guest.boot();
      const booted = performance.now();
      const failed: string[] = [];
      for (const options of COMMANDS) {
        const text = await guest.type(`stress-ng --verify --${options}; echo status $?`);
        if (!/^status 0$/m.test(text) || !/successful run completed/.test(text)) failed.push(text);
      }
      assert.deepEqual(failed, []);

      console.log(`      ${COMMANDS.length} runs in ${((performance.now() - booted) / 1000).toFixed(0)} s`);
      const { status, err } = await guest.powerOff();
      assert.deepEqual({ status, err }, { status: 0, err: '' });
      assert.doesNotMatch(guest.output, /BUG:|Oops:|Call Trace|Kernel panic|segfault at/);
    } finally {
      await guest.dispose();
    }
  });
});
