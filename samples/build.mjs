// Builds the images of the sample guests from their sources.
//
//   node samples/build.mjs [--out DIR]
//
// Without --out the images are put beside their sources, where they are kept under version control, and the versions of
// the tools that made them into toolchain.json. With --out all of this is put into DIR instead, in the same layout.
// The same tools make the same bytes, wherever the checkout lies: no time, no build id, no path of this machine.
//
// Status: 0 built; 1 a tool has reported an error; 2 wrong command line; 3 a tool is missing here.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SAMPLES = realpathSync(fileURLToPath(new URL('.', import.meta.url)));

// The name under which the debug information knows the samples folder. A debugger maps it to where the sources are
// ("sourceMap" in .vscode/launch.json) or matches the end of the path.
const SAMPLES_IN_DWARF = '/shadowbox/samples';

const GCC_FLAGS = [
  '-m32', '-march=i686', '-mgeneral-regs-only', // no x87, MMX or SSE: the kernel does not save their registers
  '-std=c17', '-ffreestanding', '-masm=intel', '-Wall', '-Wextra', '-Werror',
  '-fno-pic', '-fno-pie', '-fno-stack-protector', '-fcf-protection=none', // what distributions switch on by default
  '-Og', '-fno-omit-frame-pointer', '-fno-asynchronous-unwind-tables', // unwind tables go to .debug_frame, not .eh_frame
  '-gdwarf-5', '-gz=none', `-ffile-prefix-map=${SAMPLES}=${SAMPLES_IN_DWARF}`,
];

class MissingTool extends Error {}
class BuildError extends Error {}

/** Runs a tool in a folder of the samples. */
function run(tool, args, folder) {
  const cwd = path.join(SAMPLES, folder);
  // PWD: gcc takes the compilation folder from it. LC_ALL: messages and sort orders do not depend on the user.
  const result = spawnSync(tool, args, { cwd, encoding: 'utf8', env: { ...process.env, PWD: cwd, LC_ALL: 'C' } });
  if (result.error !== undefined || result.status !== 0) {
    throw new BuildError(`${tool} ${args.join(' ')}\n${result.error?.message ?? ''}${result.stderr ?? ''}`);
  }
}

/** The versions of the tools: `{ gcc, nasm, binutils }`. Throws MissingTool for one that is not there or not for x86. */
function toolchain() {
  const ask = (tool, args, pattern, input = '') => {
    let output;
    try {
      output = execFileSync(tool, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, LC_ALL: 'C' } });
    } catch {
      throw new MissingTool(`there is no usable ${tool} here (${tool} ${args.join(' ')})`);
    }
    const match = pattern.exec(output);
    if (match === null) throw new MissingTool(`${tool} is not the one that is wanted (${tool} ${args.join(' ')})`);
    return match[1];
  };
  const gcc = ask('gcc', ['-dumpfullversion'], /^(\d+\.\d+\.\d+)/);
  ask('gcc', ['-m32', '-ffreestanding', '-S', '-o', '-', '-x', 'c', '-'], /(answer)/, 'int answer = 42;\n');
  const nasm = ask('nasm', ['-v'], /version (\S+)/);
  ask('ld', ['-V'], /(elf_i386)/);
  ask('objcopy', ['--version'], /(\d+\.\d+)/);
  const binutils = ask('ld', ['--version'], /(\d+\.\d[\d.]*)\s/);
  return { gcc, nasm, binutils };
}

/**
 * Replaces the compilation folder in the debug information that NASM made. NASM (2.16) always records the folder that it
 * ran in, and has no option to map it. The file must be linked: then nothing points behind the string, which stands in
 * the only unit of .debug_info, and only the unit's length (its first four bytes) has to follow.
 */
function renameCompilationFolder(elf, folder, temporary) {
  const file = path.join(temporary, 'debug_info');
  run('objcopy', ['--dump-section', `.debug_info=${file}`, elf, path.join(temporary, 'discarded')], folder);
  const info = readFileSync(file);
  const from = Buffer.from(`${path.join(SAMPLES, folder)}/\0`);
  const at = info.indexOf(from);
  if (at < 0) throw new BuildError('nasm did not record its folder as expected: see renameCompilationFolder in samples/build.mjs');
  const renamed = Buffer.concat([info.subarray(0, at), Buffer.from(`${SAMPLES_IN_DWARF}/${folder}\0`), info.subarray(at + from.length)]);
  renamed.writeUInt32LE(renamed.length - 4, 0);
  writeFileSync(file, renamed);
  run('objcopy', ['--update-section', `.debug_info=${file}`, elf], folder);
}

/** hello: one file, assembled to an ELF file with debug information; the boot sector is that file's code. */
function buildHello(temporary) {
  const object = path.join(temporary, 'hello.o');
  const elf = path.join(temporary, 'hello.elf');
  const image = path.join(temporary, 'hello.img');
  run('nasm', ['-f', 'elf32', '-g', '-F', 'dwarf', '-Werror', '-o', object, 'hello.asm'], 'hello');
  run('ld', ['-m', 'elf_i386', '--build-id=none', '-T', 'hello.ld', '-o', elf, object], 'hello');
  renameCompilationFolder(elf, 'hello', temporary);
  run('objcopy', ['-O', 'binary', '-j', '.text', elf, image], 'hello');
  return { 'hello/hello.elf': elf, 'hello/hello.img': image };
}

/** paging-lab: each source to an object, all objects to one Multiboot kernel. */
function buildPagingLab(temporary) {
  const folder = 'paging-lab';
  const sources = readdirSync(path.join(SAMPLES, folder)).filter((name) => /\.[cs]$/.test(name)).sort();
  const objects = sources.map((source) => {
    const object = path.join(temporary, `${path.parse(source).name}.o`);
    run('gcc', [...GCC_FLAGS, '-c', source, '-o', object], folder);
    return object;
  });
  const elf = path.join(temporary, 'paging-lab.elf');
  run('ld', ['-m', 'elf_i386', '-nostdlib', '--build-id=none', '--fatal-warnings', '-z', 'max-page-size=4096', '-T', 'kernel.ld', '-o', elf, ...objects], folder);
  return { 'paging-lab/paging-lab.elf': elf };
}

function build(out) {
  const versions = toolchain();
  const temporary = mkdtempSync(path.join(tmpdir(), 'shadowbox-samples-'));
  try {
    const images = { ...buildHello(temporary), ...buildPagingLab(temporary) };
    for (const [name, file] of Object.entries(images)) {
      const bytes = readFileSync(file);
      const target = path.join(out, name);
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, bytes);
      console.log(`built ${name}, ${bytes.length} bytes`);
    }
    writeFileSync(path.join(out, 'toolchain.json'), `${JSON.stringify(versions, null, 2)}\n`);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

const [option, folder, ...rest] = process.argv.slice(2);
if (rest.length > 0 || (option !== undefined && (option !== '--out' || folder === undefined))) {
  console.error('usage: node samples/build.mjs [--out DIR]');
  process.exit(2);
}
try {
  build(folder === undefined ? SAMPLES : path.resolve(folder));
} catch (error) {
  if (!(error instanceof BuildError) && !(error instanceof MissingTool)) throw error;
  console.error(`samples/build.mjs: ${error.message}`);
  process.exitCode = error instanceof MissingTool ? 3 : 1;
}
