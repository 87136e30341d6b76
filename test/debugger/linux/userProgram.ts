/** A small program without libraries that Debian's kernels run as a process, with its debugging information. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { initramfs } from '../../../scripts/lib/initramfs.mjs';

const SOURCE = `struct state { int rounds; char name[8]; };
struct state state = { 0, "counter" };
extern const char __ehdr_start[];
char first;
#ifdef __x86_64__
static long call(long number, long a, const void *b, long c) { long result; __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory"); return result; }
enum { WRITE = 1, PAUSE = 34, EXIT = 60, PRCTL = 157 };
/* clone(flags, stack): the thread calls \`thread\` with what lies on its stack */
__asm__("spawn: movl $56, %eax; xorl %edx, %edx; xorl %r8d, %r8d; xorl %r10d, %r10d; syscall; testl %eax, %eax; jnz 1f; popq %rdi; call thread; 1: ret\\n");
#else
static long call(long number, long a, const void *b, long c) { long result; __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory"); return result; }
enum { WRITE = 4, PAUSE = 29, EXIT = 1, PRCTL = 172 };
__asm__("spawn: pushl %ebx; movl $120, %eax; movl 8(%esp), %ebx; movl 12(%esp), %ecx; xorl %edx, %edx; int $0x80; testl %eax, %eax; jnz 1f; call thread; 1: popl %ebx; ret\\n");
#endif
extern long spawn(long flags, long *stack);
__attribute__((noinline)) int work(int value)
{
    state.rounds = value; /* work */
#ifdef SLEEPS
    call(PAUSE, 0, 0, 0);
#endif
    call(WRITE, 1, ".", 1);
    return value * 2;
}
__attribute__((noinline, used)) void thread(long number)
{
    call(PRCTL, 15, number == 1 ? "reader" : "writer", 0);
    for (;;) call(PAUSE, 0, 0, 0); /* thread */
}
static long stacks[2][512];
__attribute__((used)) void run(void)
{
#ifdef THREADS
    for (int i = 1; i <= 2; i++) {
        long *top = stacks[i - 1] + 500;
        top[0] = i;
        spawn(0x50f00, top); /* what a C library shares between threads: memory, files, signals, and the process's number */
    }
#endif
    int sum = 0;
    first = __ehdr_start[0]; /* as C libraries do, which look for the program headers */
    for (int i = 1; i <= 3; i++) sum += work(i); /* loop */
    call(WRITE, 1, sum == 12 ? "counted\\n" : "wrong\\n", sum == 12 ? 8 : 6);
    call(EXIT, 0, 0, 0);
}
__asm__(".globl _start\\n_start: call run\\n");
`;

/** A library, and a program that it is loaded for by its loader. */
const SHARED_SOURCE = `int calls;
__attribute__((noinline)) int twice(int value)
{
    calls++; /* twice */
    return value * 2;
}
`;
const DYNAMIC_SOURCE = SOURCE.replace('void run(void)\n{', 'extern int twice(int);\n__attribute__((used)) void run(void)\n{').replace('sum += work(i)', 'sum += twice(work(i)) / 2');

export interface UserProgram {
  readonly source: string;
  /** The source of the library that /bin/dynamic uses. */
  readonly sharedSource: string;
  /** A directory with the symbol files, as `symbolPaths` may name it. */
  readonly symbols: string;
  /** The programs by their paths in the guest, without symbols. */
  readonly programs: Readonly<Record<'bin/counter' | 'bin/pie' | 'bin/sleeper' | 'bin/threads' | 'bin/dynamic' | 'lib/ld.so' | 'lib/libshared.so', Uint8Array>>;
  /** An initial RAM file system: another one, with the programs in it. */
  withPrograms(cpio: string): string;
  /** The line with a comment of these words, from 1. */
  line(words: string): number;
  remove(): void;
}

/**
 * Builds it five times: /bin/counter, linked to one address, whose symbols are in a copy of the guest's tree, and /bin/pie, which is loaded anywhere,
 * stripped, with its debugging information by build id alone; a file by its name is another build. /bin/sleeper is
 * as /bin/counter, but waits in `work` for ever. /bin/threads waits there, too, and in two more threads. /bin/dynamic is without symbols, has a loader (/lib/ld.so) and uses /lib/libshared.so, whose symbols are in the copy of the
 * tree.
 */
export function buildUserProgram(bits: 32 | 64): UserProgram | { readonly missing: string } {
  try {
    return build(bits);
  } catch (error) {
    if (error instanceof Missing) return { missing: error.message };
    throw error;
  }
}

class Missing extends Error {}

function build(bits: 32 | 64): UserProgram {
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-program-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const at = (...parts: readonly string[]): string => path.join(folder, ...parts);
  const run = (tool: string, ...args: readonly string[]): void => {
    const { status, stderr, error } = spawnSync(tool, [...args], { cwd: folder, encoding: 'utf8' });
    if (status === 0) return;
    remove();
    throw new Missing(`no program for the guest: ${tool} (Debian: gcc, gcc-multilib, binutils) says ${error?.message ?? stderr}`);
  };
  const compile = (output: string, ...flags: readonly string[]): void =>
    run('gcc', `-m${bits}`, '-O1', '-g', '-fno-omit-frame-pointer', '-fno-stack-protector', '-nostdlib', '-Wl,--build-id', ...flags, 'counter.c', '-o', output);
  for (const directory of ['symbols/bin', 'symbols/lib', 'symbols/.build-id']) mkdirSync(at(directory), { recursive: true });
  writeFileSync(at('counter.c'), SOURCE);
  compile('symbols/bin/counter', '-static', '-no-pie');
  compile('symbols/bin/sleeper', '-static', '-no-pie', '-DSLEEPS');
  compile('symbols/bin/threads', '-static', '-no-pie', '-DSLEEPS', '-DTHREADS');
  compile('pie', '-static-pie', '-fPIE');
  compile('symbols/pie', '-static-pie', '-fPIE', '-DOTHER', '-O2');
  writeFileSync(at('shared.c'), SHARED_SOURCE);
  writeFileSync(at('dynamic.c'), DYNAMIC_SOURCE);
  run('gcc', `-m${bits}`, '-O1', '-g', '-fPIC', '-shared', '-nostdlib', '-Wl,--build-id', '-Wl,-soname,libshared.so', 'shared.c', '-o', 'symbols/lib/libshared.so');
  run('gcc', `-m${bits}`, '-O1', '-g', '-fPIE', '-pie', '-fno-stack-protector', '-nostdlib', '-Wl,--build-id', '-Wl,--dynamic-linker,/lib/ld.so', 'dynamic.c', 'symbols/lib/libshared.so', '-o', 'dynamic');
  const loader = spawnSync('gcc', [`-m${bits}`, `-print-file-name=${bits === 64 ? 'ld-linux-x86-64.so.2' : 'ld-linux.so.2'}`], { cwd: folder, encoding: 'utf8' }).stdout.trim();
  run('cp', '-L', loader, 'ld.so');
  run('objcopy', '--strip-all', 'symbols/lib/libshared.so', 'libshared.stripped');
  run('objcopy', '--only-keep-debug', 'pie', 'pie.debug');
  run('objcopy', '--strip-all', 'pie', 'pie.stripped');
  for (const name of ['counter', 'sleeper', 'threads']) run('objcopy', '--strip-all', `symbols/bin/${name}`, `${name}.stripped`);
  const note = spawnSync('readelf', ['-n', 'pie'], { cwd: folder, encoding: 'utf8' }).stdout;
  const [, id = ''] = /Build ID: ([0-9a-f]+)/.exec(note) ?? [];
  mkdirSync(at('symbols/.build-id', id.slice(0, 2)), { recursive: true });
  run('cp', 'pie.debug', `symbols/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`);
  const programs = {
    'bin/counter': readFileSync(at('counter.stripped')), 'bin/pie': readFileSync(at('pie.stripped')), 'bin/sleeper': readFileSync(at('sleeper.stripped')),
    'bin/threads': readFileSync(at('threads.stripped')),
    'bin/dynamic': readFileSync(at('dynamic')), 'lib/ld.so': readFileSync(at('ld.so')), 'lib/libshared.so': readFileSync(at('libshared.stripped')),
  };
  return {
    source: at('counter.c'), sharedSource: at('shared.c'), symbols: at('symbols'), remove, programs,
    withPrograms(cpio) {
      const first = readFileSync(cpio);
      const whole = at('initrd.cpio');
      writeFileSync(whole, Buffer.concat([first, Buffer.alloc(-first.length & 511), initramfs({ folders: [], programs })]));
      return whole;
    },
    line: (words) => (words === 'twice' ? SHARED_SOURCE : SOURCE).split('\n').findIndex((text) => text.includes(`/* ${words} */`)) + 1,
  };
}
