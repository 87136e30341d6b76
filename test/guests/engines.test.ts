/**
 * Invariants 1 and 2 over the engines: interpreter, translator, and the translator with everything translated at once or
 * thrown away again and again give equal machines at equal counts of retired instructions.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { GUESTS, SAMPLES, boot, uneven } from './harness';
import { LateTranslation } from './lateTranslation';
import type { Configuration } from './harness';
import { EXIT_STATUS, assembleGuest, type AssembledGuest } from './multiprocessor/image';

const TRANSLATING = ['translator', 'translate-all', 'translate-again'] as const;

const LAB: Configuration = { multiboot: path.join(SAMPLES, 'paging-lab', 'paging-lab.elf'), cmdline: 'exit', memory: '32M' };
const LAB_COUNTS = [1, 1000, 123_457, 5_000_000, 20_000_000];
const HELLO: Configuration = { floppy: path.join(SAMPLES, 'hello', 'hello.img'), memory: '16M' };
const HELLO_COUNTS = [1, 777, 20_011, 60_013];
const DEBIAN = path.join(GUESTS, 'debian-i386');
const LINUX: Configuration = { kernel: path.join(DEBIAN, 'linux'), initrd: path.join(DEBIAN, 'initrd.gz'), cmdline: 'console=ttyS0,115200', memory: '512M' };
const LINUX_COUNTS = [3_000_017, 40_000_000];

describe('engines', function () {
  this.timeout(300_000);
  this.slow(30_000);

  /** Hashes at these counts on an engine. */
  async function hashes(values: Configuration, counts: readonly number[], engine: string): Promise<readonly string[]> {
    const guest = await boot({ ...values, engine });
    guest.patience = 240_000;
    return counts.map((count) => guest.hashAt(count));
  }

  for (const [name, values, counts] of [['paging-lab', LAB, LAB_COUNTS], ['hello', HELLO, HELLO_COUNTS]] as const) {
    let reference: readonly string[] = [];
    before(async () => {
      reference = await hashes(values, counts, 'interpreter');
      assert.equal(new Set(reference).size, counts.length);
    });
    for (const engine of TRANSLATING) {
      it(`${name} is the same on ${engine} as on the interpreter`, async () => {
        assert.deepEqual(await hashes(values, counts, engine), reference);
      });
    }
  }

  it('paging-lab translated is the same in slices of any length', async () => {
    const guest = await boot({ ...LAB, engine: 'translate-again' }, { rhythm: uneven(5, 3000) });
    assert.deepEqual(LAB_COUNTS.slice(0, 4).map((count) => guest.hashAt(count)), await hashes(LAB, LAB_COUNTS.slice(0, 4), 'interpreter'));
  });

  for (const seed of [1, 2, 3]) {
    it(`paging-lab is the same whenever translated code arrives (${seed})`, async () => {
      const translation = new LateTranslation(seed);
      const guest = await boot({ ...LAB, engine: 'translator' }, { translation, rhythm: uneven(seed) });
      assert.deepEqual(LAB_COUNTS.map((count) => guest.hashAt(count)), await hashes(LAB, LAB_COUNTS, 'interpreter'));
      const regions = guest.machine.counters()['translator.regions'] ?? 0;
      assert.ok(regions > 0 && translation.carriedOut > 0, `${regions} regions, ${translation.carriedOut} orders`);
    });
  }

  it('translates', async () => {
    const guest = await boot({ ...LAB, engine: 'translator' });
    guest.run({ count: 20_000_000 });
    const counters = guest.machine.counters();
    const regions = counters['translator.regions'] ?? 0;
    const regionInstructions = counters['translator.regionInstructions'] ?? 0;
    assert.ok(regions > 0 && regionInstructions > 20, `${regions} regions of ${regionInstructions} instructions`);
  });

  it("Debian's kernel is the same on all", async function () {
    if (!existsSync(path.join(DEBIAN, 'linux'))) leaveOut(this, 'no guest debian-i386 (npm run setup)');
    const reference = await hashes(LINUX, LINUX_COUNTS, 'translator');
    assert.deepEqual(await hashes(LINUX, LINUX_COUNTS, 'interpreter'), reference);
    assert.deepEqual(await hashes(LINUX, LINUX_COUNTS, 'translate-all'), reference);
    assert.deepEqual(await hashes(LINUX, LINUX_COUNTS, 'translate-again'), reference);
  });

  describe('with several CPUs', () => {
    let image: AssembledGuest;
    before(function () {
      image = assembleGuest(this);
    });
    after(() => image.dispose());

    for (const engine of TRANSLATING) {
      it(`4 CPUs are the same on ${engine} as on the interpreter`, async () => {
        const run = async (name: string): Promise<string> => {
          const guest = await boot({ multiboot: image.file, memory: '8M', cpus: 4, quantum: 1000, engine: name });
          const first = guest.hashAt(77_777);
          assert.deepEqual(guest.run({}), { kind: 'exit', status: EXIT_STATUS }, guest.debug);
          return `${first} ${guest.machine.hash()} after ${guest.retired}`;
        };
        assert.equal(await run(engine), await run('interpreter'));
      });
    }
  });
});
