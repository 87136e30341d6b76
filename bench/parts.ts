/** The parts that the benchmark's guest can do (bench/guests/init.c), what they are called in tables, and what we want to reach in each. */

export type Suite = 'parts' | 'shell';

export interface Part {
  /** What the guest calls it. */
  readonly name: string;
  readonly title: string;
  readonly suite: Suite;
  /** How many times as fast as v86, and as TCG where that matters, we want to be on i386 (issue 4). On amd64 it is `AMD64_GOAL`. */
  readonly v86: number;
  readonly tcg?: number;
}

/** How many times as fast as TCG each part shall be on amd64. */
export const AMD64_GOAL = 0.8;

export const PARTS: readonly Part[] = [
  { name: 'integer', title: 'integer loop', suite: 'parts', v86: 2, tcg: 1 },
  { name: 'sieve', title: 'sieve', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'fibonacci', title: 'recursive Fibonacci', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'sha256', title: 'sha256', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'memcpy', title: 'memcpy 320 MB', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'rep-movsd', title: 'rep movsd 160 MB', suite: 'parts', v86: 2, tcg: 1 },
  { name: 'qsort', title: 'qsort', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'x87-matrix', title: 'x87 matrix', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'sse2-matrix', title: 'SSE2 matrix', suite: 'parts', v86: 1, tcg: 1 },
  { name: 'sse2-integer', title: 'SSE2 integer', suite: 'parts', v86: 1, tcg: 1 },
  { name: 'indirect-calls', title: 'indirect calls', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'bytecode', title: 'bytecode interpreter', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'division', title: 'division', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'code-900', title: '900-function code', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'syscalls', title: '500 k syscalls', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'page-faults', title: '41 k page faults', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'fork', title: '200 fork', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'exec', title: '60 exec', suite: 'parts', v86: 2, tcg: 0.8 },
  { name: 'pipe', title: '20 k pipe ping-pong', suite: 'parts', v86: 5, tcg: 1 },
  { name: 'rewrites', title: '20 k code rewrites', suite: 'parts', v86: 2, tcg: 1 },
  { name: 'fork-exec', title: '300 fork+exec', suite: 'shell', v86: 5, tcg: 1 },
  { name: 'mmap-loop', title: '20 k mmap/munmap', suite: 'shell', v86: 5, tcg: 1 },
  { name: 'fault-loop', title: '40 k page faults, same pages', suite: 'shell', v86: 5, tcg: 1 },
  { name: 'interrupts', title: '50 k interrupts', suite: 'shell', v86: 2 },
  { name: 'md5sum', title: 'md5sum 32 MB', suite: 'shell', v86: 2, tcg: 0.7 },
  { name: 'sha256sum', title: 'sha256sum 32 MB', suite: 'shell', v86: 2, tcg: 0.7 },
  { name: 'gzip', title: 'gzip 4 MB', suite: 'shell', v86: 2, tcg: 0.7 },
  { name: 'sort', title: 'sort 256 KB', suite: 'shell', v86: 2, tcg: 0.7 },
  { name: 'shell-loop', title: 'shell loop 100 k', suite: 'shell', v86: 2, tcg: 0.7 },
];
