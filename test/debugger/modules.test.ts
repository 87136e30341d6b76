/**
 * Several symbol files at once, each a module with its own bias: names, lines and breakpoints over all of them, read through
 * the host's own file reader.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launchOptions } from '../../debugger/launchOptions';
import { Program } from '../../debugger/program';
import { SourceManager } from '../../debugger/sources';
import { fileReader } from '../../src/cli/debugMachines';
import { needCompiler } from './symbols/toolchain';

const KERNEL = `int shared = 1;
static inline __attribute__((always_inline)) int doubled(int value)
{
    int twice = value + value; /* inlined */
    return twice + shared; /* inlined last */
}
int kernel_main(int count)
{
    int sum = 0; /* before */
    sum += doubled(count); /* call */
    shared = sum; /* after */
    return sum;
}
`;
const DRIVER = 'int driver_state = 2;\nint driver_main(int value)\n{\n    return value + driver_state; /* body */\n}\n';
const line = (source: string, marker: string): number => source.split('\n').findIndex((text) => text.includes(marker)) + 1;

describe('several symbol files', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-modules-'));
  const at = (name: string): string => path.join(folder, name);
  const files = fileReader(folder);
  const complaints: string[] = [];
  let program: Program;

  before(async function () {
    needCompiler(this, '-m32');
    const build = (name: string, source: string, ...flags: string[]): void => {
      writeFileSync(at(`${name}.c`), source);
      execFileSync('gcc', ['-m32', '-g', '-ffreestanding', '-fno-pic', '-no-pie', '-nostdlib', '-static', '-Wl,--build-id', `-Wl,-e,${name}_main`, ...flags, at(`${name}.c`), '-o', at(`${name}.elf`)]);
    };
    build('kernel', KERNEL, '-O0', '-Wl,-Ttext=0x100000');
    build('driver', DRIVER, '-O2', '-Wl,-Ttext=0x1000');
    writeFileSync(at('System.map'), '00200000 T _map_start\n00200010 t map_helper\n00200080 D map_data\n');
    program = await Program.load(launchOptions({
      kernel: at('kernel.elf'),
      symbols: [{ path: at('driver.elf'), bias: '0x40000000' }, { path: at('System.map'), bias: '-0x1000' }, at('missing.elf'), at('kernel.c')],
    }), files, (message) => complaints.push(message));
  });
  after(() => {
    program.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lists each as a module with its range, format, bias and version', async () => {
    const { modules } = await new SourceManager(program, files, async () => []).modules(0, 0);
    assert.deepEqual(modules.map(({ id, symbolStatus }) => [id, symbolStatus]), [
      ['driver.elf', 'symbols and lines loaded'], ['System.map', 'names only'], ['kernel.elf', 'symbols and lines loaded'],
    ]);
    assert.match(modules[0].addressRange ?? '', /^0x40001000-0x4[0-9a-f]+, entry 0x40001000, loaded 0x40000000 above its own addresses$/);
    assert.match(modules[1].addressRange ?? '', /^0x1ff000-.*loaded 0x1000 below/);
    assert.match(modules[2].version ?? '', /^build id [0-9a-f]{40}$/);
    assert.deepEqual([modules[0].isOptimized, modules[2].isOptimized], [true, false]);
  });

  it('tells which sources came, changed and went with what the guest runs, as its answers have them', async () => {
    const own = await Program.load(launchOptions({ symbols: [at('driver.elf')] }), files, () => undefined);
    const sources = new SourceManager(own, files, async () => []);
    const found = await own.loader.load(at('kernel.elf'), 0n);
    let running = [found.image];
    own.describedBy({
      ready: async () => undefined, images: () => running, allImages: () => running.map((image) => ({ image })), placeNamed: async () => undefined,
      symbolAt: () => undefined, symbolNamed: () => undefined, typeNamed: () => undefined, variableNamed: () => undefined, variablePlace: () => undefined, codeBits: () => undefined, namesStartingWith: () => [],
    });
    const changes = (): string[] => sources.changes().map(({ reason, source }) => `${reason} ${source.name}`);
    const answer = async (): Promise<(string | undefined)[]> => (await sources.loadedSources()).map(({ name }) => name);
    assert.deepEqual([changes(), await answer()], [['new kernel.c'], ['driver.c', 'kernel.c']]);
    assert.deepEqual(changes(), [], 'once');
    // As another build of it may say, whose compiler writes checksums.
    const [file] = own.loader.sourcesOf(found.image).map((source) => source.file);
    own.loader.sources.set(file, { name: 'kernel.c', path: at('kernel.c'), file, exists: true, md5: '0123' });
    assert.deepEqual(changes(), ['changed kernel.c']);
    running = [];
    assert.deepEqual([changes(), await answer()], [['removed kernel.c'], ['driver.c']]);
    own.close();
  });

  it('says of what cannot be read why, and goes on', () => {
    assert.equal(complaints.length, 2);
    assert.match(complaints[0], /missing\.elf/);
    assert.match(complaints[1], /kernel\.c.*not an ELF file, a PE\/COFF file or a list of names/);
  });

  it('finds names, lines and breakpoints in all of them, where they are loaded', () => {
    const [driver] = program.functionsNamed('driver_main');
    const [kernel] = program.functionsNamed('kernel_main');
    assert.deepEqual([driver.start, kernel.start], [0x40001000n, 0x100000n]);
    assert.equal(program.nameOf(0x1ff014n), 'map_helper+0x4');
    assert.equal(program.imageAt(driver.start)?.id, 'driver.elf');
    const body = program.lineAddresses(at('driver.c'), line(DRIVER, 'body'));
    assert.ok('addresses' in body && body.addresses[0].address >= 0x40001000n && body.addresses[0].address < 0x40001020n);
    assert.ok('addresses' in program.lineAddresses(at('kernel.c'), line(KERNEL, 'call')));
    assert.deepEqual(program.sources().map(({ name, exists }) => [name, exists]), [['driver.c', true], ['kernel.c', true]]);
    assert.ok(program.namesOf('variables', 'driver_', 9).includes('driver_state') && program.namesOf('variables', 'SHARED', 9).includes('shared'));
    assert.equal(program.globalNamed('driver_state')?.image.id, 'driver.elf');
  });

  it('steps over a line with the calls that were inlined on it', () => {
    const call = program.lineAddresses(at('kernel.c'), line(KERNEL, 'inlined */'));
    assert.ok('addresses' in call);
    const [{ address: inside }] = call.addresses;
    const inlined = program.inlinedAt(inside);
    assert.ok(inlined !== undefined && inlined.some(({ start, end }) => start <= inside && inside < end), 'the inlined call is open there');
    const [kernel] = program.functionsNamed('kernel_main');
    const covering: bigint[] = [];
    for (let address = kernel.start; address < kernel.end; address++) {
      if (program.inlinedAt(address) || program.lineAt(address)?.line !== line(KERNEL, 'call')) continue;
      covering.push(address);
      const alone = program.statementAt(address);
      const whole = program.statementAt(address, true);
      assert.ok(alone && !alone.ranges.some(({ start, end }) => start <= inside && inside < end));
      assert.ok(whole && whole.ranges.some(({ start, end }) => start <= inside && inside < end), `a step from 0x${address.toString(16)} passes it`);
    }
    assert.ok(covering.length > 0, 'the line of the call has code of its own');
  });

  it('says when a list of names has no addresses', async () => {
    writeFileSync(at('kallsyms'), '0000000000000000 T _text\n0000000000000000 t secret\n');
    const told: string[] = [];
    await Program.load(launchOptions({ symbols: at('kallsyms') }), files, (message) => told.push(message));
    assert.match(told.join(), /all addresses are 0: \/proc\/kallsyms shows them to root alone/);
    writeFileSync(at('broken.map'), '00200000 T _text\nnonsense\n');
    await Program.load(launchOptions({ symbols: at('broken.map') }), files, (message) => told.push(message));
    assert.match(told.join(), /line 2 is not 'address letter name'/);
  });
});
