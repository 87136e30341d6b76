/** What Debian on a hard disk is asked to do, and what must come out: the same on every machine that it runs on. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { DiskGuest } from './debianDisk';
import { FileServer } from './fileServer';

/** Messages of a kernel that has met a fault: of ours, or its own. */
export const FAULTS = /BUG:|Oops|Call Trace|Kernel panic|segfault at|lost interrupt|frozen|I\/O error|soft lockup|rcu_\w+ (?:self-)?detected stall|EXT4-fs error/;

const beside = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** stress-ng's stressors with a bounded number of operations: classes cpu, memory, vm, io. */
const STRESSORS = [
  ...['int64', 'float', 'double', 'longdouble', 'fft', 'prime', 'crc16', 'queens'].map((method) => `cpu 1 --cpu-method ${method} --cpu-ops 1`),
  'memcpy 1 --memcpy-ops 2', 'malloc 1 --malloc-bytes 1m --malloc-ops 300', 'qsort 1 --qsort-size 2048 --qsort-ops 1',
  'vm 1 --vm-bytes 256k --vm-ops 300', 'mmap 1 --mmap-bytes 256k --mmap-ops 2', 'mremap 1 --mremap-bytes 256k --mremap-ops 2',
  'hdd 1 --hdd-bytes 2m --hdd-write-size 32k --hdd-ops 100', 'seek 1 --seek-size 1m --seek-ops 100', 'sync-file 1 --sync-file-bytes 1m --sync-file-ops 2',
  'readahead 1 --readahead-bytes 1m --readahead-ops 100',
] as const;

const FILE_BYTES = 3_000_000;

/** The kernel moves the disk's contents by DMA. */
export async function usesDma({ guest }: Work): Promise<void> {
  const { text } = await guest.run('cat /sys/class/ata_device/dev1.0/xfer_mode');
  assert.match(text, /^XFER_(?:UDMA|MW_DMA)_\d$/);
}

/** Python's integers, floating point and library give what they give everywhere. */
export async function computes({ guest }: Work): Promise<void> {
  await guest.put('/tmp/computing.py', beside('computing.py'));
  assert.deepEqual(await guest.run('python3 /tmp/computing.py'), { status: 0, text: beside('computing.expected.txt').trimEnd() });
}

/** All processors are there, and a process that is held on one of them works there. */
export async function usesProcessors({ guest, cpus }: Work): Promise<void> {
  assert.deepEqual(await guest.run('nproc'), { status: 0, text: String(cpus) });
  const numbers = Array.from({ length: cpus }, (_, cpu) => cpu);
  await guest.put('/tmp/held.py', `import os, sys
cpu = int(sys.argv[1])
os.sched_setaffinity(0, {cpu})
total = sum(i * i for i in range(20000 + cpu))
print('on', open('/proc/self/stat').read().split()[38], total)
`);
  const { text } = await guest.run(`for cpu in ${numbers.join(' ')}; do python3 /tmp/held.py $cpu > /tmp/held.$cpu & done; wait; cat /tmp/held.*`);
  const sum = (n: number): bigint => BigInt(n - 1) * BigInt(n) * BigInt(2 * n - 1) / 6n;
  assert.deepEqual(text.split('\n').filter((line) => line.startsWith('on')), numbers.map((cpu) => `on ${cpu} ${sum(20000 + cpu)}`));
}

/** stress-ng verifies what its stressors compute, and all processors at once. */
export async function standsStress({ guest, cpus }: Work): Promise<void> {
  const everywhere = [`cpu ${cpus} --cpu-method int32 --cpu-ops ${cpus}`, `vm ${cpus} --vm-bytes ${cpus * 128}k --vm-ops ${cpus * 50}`];
  const failed: string[] = [];
  for (const stressor of [...STRESSORS, ...(cpus > 1 ? everywhere : [])]) {
    const { text, status } = await guest.run(`stress-ng --verify --temp-path /var/tmp --${stressor}`);
    if (status !== 0 || !/successful run completed/.test(text)) failed.push(`${stressor}: ${text}`);
  }
  assert.deepEqual(failed, []);
}

/** The card has an address by DHCP, and a file comes over it as it was sent. */
export async function usesNetwork({ guest }: Work): Promise<void> {
  const server = await FileServer.start(FILE_BYTES);
  try {
    const { text } = await guest.run("for i in $(seq 100); do ip -4 -o address show scope global | grep . && break; sleep 0.3; done; networkctl --no-pager status | cat");
    assert.match(text, /inet 10\.0\.2\.\d+\/24/);
    const { text: sum, status } = await guest.run(`wget -q -O /var/tmp/fetched http://10.0.2.2:${server.port}/file && sha256sum /var/tmp/fetched`);
    assert.deepEqual([status, sum], [0, `${server.sha256}  /var/tmp/fetched`]);
  } finally {
    await server.stop();
  }
}

/** What a piece of work is done on. */
export interface Work {
  readonly guest: DiskGuest;
  readonly cpus: number;
}

/** All pieces in their order, each with what holds when it is done. */
export const PIECES = {
  dma: ['the kernel moves the disk by DMA', usesDma],
  python: ['Python computes what it does elsewhere', computes],
  processors: ['every processor is there and works', usesProcessors],
  stress: ['stress-ng verifies what it does', standsStress],
  network: ['an address by DHCP, a file by HTTP', usesNetwork],
} as const satisfies Readonly<Record<string, readonly [string, (work: Work) => Promise<void>]>>;
export type PieceName = keyof typeof PIECES;
