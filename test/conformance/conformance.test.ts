/**
 * The engine against recorded single instructions of a real processor: all vectors of the base set, in
 * 32 and 64-bit mode. The directory is SHADOWBOX_SILICON, or `shared/silicon` beside the checkout.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { leaveOut } from '../support/leaveOut';
import { BENCH_ENGINES } from './bench';
import { runFamily } from './familyRun';
import { familyLine, sideBySide } from './report';
import { readFamily, SILICON } from './vectorFile';

const FAMILIES = [
  'alu', 'mov', 'addr', 'lea', 'xchg', 'bit', 'scan', 'shift', 'muldiv', 'bcd', 'cmov', 'setcc', 'flags', 'branch', 'stack', 'string', 'lock', 'misc',
  'x87-arith', 'x87-compare', 'x87-control', 'x87-loadstore', 'x87-trans',
  'mmx', 'sse', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42', 'sse-approx', 'pcmpstr',
  'v3/adx', 'v3/avx', 'v3/avx2', 'v3/avx-approx', 'v3/avx-pcmpstr', 'v3/bmi', 'v3/f16c', 'v3/fma', 'v3/gather',
];

/** A module is made for each translated vector: outside long runs only some are. `npm run conformance -- DIR --engine translator` takes all. */
const TRANSLATED_STRIDE = 7;
const LONG_TESTS = process.env['SHADOWBOX_LONG_TESTS'] === '1';

/** As many failed vectors as a person wants to read. */
const SHOWN = 3;

describe('the engine against recorded processor states', function () {
  this.timeout(120_000);

  for (const engine of BENCH_ENGINES) for (const name of FAMILIES) {
    it(`${name} on the ${engine}`, function () {
      if (!existsSync(SILICON)) leaveOut(this, `no vector files in ${SILICON}: set SHADOWBOX_SILICON to their directory`);
      const result = runFamily(readFamily(SILICON, name), { engine, stride: engine === 'translator' && !LONG_TESTS ? TRANSLATED_STRIDE : 1 });
      assert.ok(result.passed > 0, 'no vector was run');
      const shown = result.failed.slice(0, SHOWN).map(sideBySide);
      assert.equal(result.failed.length, 0, [familyLine(result), ...shown].join('\n'));
    });
  }
});

const VECTOR = { m: 32, b: '00d8', d: 'add al,bl', i: { rax: '1', rbx: '2' }, o: { rax: '3', fl: '206' } };

describe('the conformance command', function () {
  this.timeout(60_000);
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'shadowbox-vectors-'));
    const put = (name: string, lines: readonly object[], count = lines.length): void => {
      const header = { format: 'x86-vectors-1', family: name, set: 'base', cpu: 'none', count };
      writeFileSync(join(directory, `${name}.jsonl.gz`), gzipSync([header, ...lines].map((line) => JSON.stringify(line)).join('\n')));
    };
    put('good', [VECTOR, { ...VECTOR, m: 64 }]);
    put('bad', [VECTOR, { ...VECTOR, o: { rax: '4', fl: '206' } }]);
    put('undefined-flags', [{ ...VECTOR, o: { rax: '3', fl: '202' }, u: '4' }]);
    put('memory', [{ m: 32, b: '0018', d: 'add [eax],bl', i: { rax: '8000', rbx: '1', mem: [['8000', '01']] }, o: { fl: '202', mem: [['8000', '03']] } }]);
    put('fault', [{ m: 32, b: '8a00', d: 'mov al,[eax]', i: { rax: '7000' }, o: {}, x: '#PF', cr2: '7001' }]);
    put('cut', [VECTOR], 2);
    writeFileSync(join(directory, 'torn.jsonl.gz'), 'not gzip');
  });

  after(() => rmSync(directory, { recursive: true }));

  function run(...args: string[]): { status: number | null; out: string; err: string } {
    const script = fileURLToPath(new URL('run.ts', import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, ...args], { encoding: 'utf8' });
    return { status, out: stdout, err: stderr };
  }

  it('counts what it runs, in both modes', () => {
    const { status, out } = run(directory, '--family', 'good');
    assert.equal(status, 0);
    assert.match(out, /^good +2 passed, 0 failed$/m);
    assert.match(out, /\n2 passed, 0 failed\n$/);
  });

  it('shows the states of a difference side by side and exits with 1', () => {
    const { status, out } = run(directory, '--family', 'bad');
    assert.equal(status, 1);
    assert.match(out, /vector 2: add al,bl/);
    assert.match(out, /^ {2}\* rax +1 +4 +3$/m);
    assert.match(out, /\n1 passed, 1 failed\n$/);
  });

  it('finds differences in memory and in the address of a page fault', () => {
    const memory = run(directory, '--family', 'memory');
    assert.equal(memory.status, 1);
    assert.match(memory.out, /^ {2}\* 8000 +03\w+ +02\w+$/m);
    const fault = run(directory, '--family', 'fault');
    assert.equal(fault.status, 1);
    assert.match(fault.out, /\* exception +#PF 7001 +#PF 7000/);
  });

  it('does not compare what is undefined', () => {
    assert.equal(run(directory, '--family', 'undefined-flags').status, 0);
  });

  it('runs one vector alone', () => {
    assert.match(run(directory, '--family', 'bad', '--vector', '1').out, /\n1 passed, 0 failed\n$/);
  });

  it('names what is wrong with its arguments and files', () => {
    const complaints: readonly (readonly [args: string[], message: RegExp])[] = [
      [[], /directory of the vector files is missing/],
      [[join(directory, 'nowhere')], /there is no such directory/],
      [[directory, '--family', 'sums'], /no family sums .* there are: .*good/],
      [[directory, '--mode', '16'], /--mode is 32 or 64, not 16/],
      [[directory, '--vector', '1'], /needs exactly one --family/],
      [[directory, '--family', 'good', '--vector', '9'], /good has 2 vectors/],
      [[directory, '--family', 'cut'], /1 vectors, but its first line says 2/],
      [[directory, '--family', 'torn'], /torn\.jsonl\.gz cannot be read/],
      [[directory, '--loud'], /--loud/],
    ];
    for (const [args, message] of complaints) {
      const { status, err } = run(...args);
      assert.equal(status, 2, args.join(' '));
      assert.match(err, message);
    }
  });
});
