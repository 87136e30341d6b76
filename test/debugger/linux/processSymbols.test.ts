/** When symbol files of processes are found: as a program begins, which has touched nothing, and when it maps more. */
import assert from 'node:assert/strict';
import { ProcessSymbols, type RunningKernel } from '../../../debugger/linux/processSymbols';
import { SymbolLoader } from '../../../debugger/symbolLoader';
import { leaveOut } from '../../support/leaveOut';
import type { FileReader } from '../../../debugger/ports';
import { FILES } from '../harness';
import { cpuIn } from './fakeCpuState';
import { FAKE_TASKS, FakeKernel, type FakeArea } from './fakeKernel';
import { buildUserProgram, type UserProgram } from './userProgram';

const PAGE = 4096;
/** Where a program is that is loaded anywhere. */
const SOMEWHERE = 0x40_5000;
/** The page of its file that has .eh_frame, behind headers and code. */
const FRAMES_PAGE = 2;

describe('symbol files of processes', () => {
  let program: UserProgram;
  let complaints: string[];
  let symbols: ProcessSymbols;
  let kernel: FakeKernel;

  before(function () {
    const built = buildUserProgram(32);
    if ('missing' in built) leaveOut(this, built.missing);
    program = built;
  });
  after(() => program.remove());
  beforeEach(() => {
    complaints = [];
    kernel = new FakeKernel();
    symbols = new ProcessSymbols(new SymbolLoader({ sourceMap: [], symbolPaths: [program.symbols] }, FILES, (text) => complaints.push(text)), kernel.inspect);
  });

  /** A stop at which a task runs. */
  async function stop(task: number): Promise<void> {
    const data = { ...kernel.data(), slide: undefined, release: '6.1.0', buildId: async () => undefined, taskLayout: async () => FAKE_TASKS };
    const cpu = { state: cpuIn('protected-32') };
    const moment: RunningKernel = { kernel: data, btf: undefined, cpu, cpus: [{ task: BigInt(task) }] };
    kernel.userReads.length = 0;
    await symbols.look(moment, new AbortController().signal);
  }

  const found = (): string[] => symbols.allImages().map(({ image, spaces = [] }) => `${image.name.slice(-6)} in ${spaces.join()}`);
  const pieArea = (without: readonly number[] = []): FakeArea =>
    ({ start: SOMEWHERE, pages: Math.ceil(program.programs['bin/pie'].length / PAGE), file: kernel.cachedFile('/bin/pie', program.programs['bin/pie'], without), first: 0 });

  it('are found by build id when nothing of the program is mapped yet, with its call frame information', async () => {
    const { mm, root } = kernel.memoryOf(pieArea());
    await stop(kernel.task(7, 'pie', mm));
    assert.deepEqual(found(), [`.debug in ${root}`]);
    const [image] = symbols.images(0);
    assert.equal(image.details.bias, BigInt(SOMEWHERE));
    const work = image.ask((table) => table.functionsNamed('work')[0]);
    assert.ok(work);
    // Right behind the call of a function the return address is on top of the stack.
    const caller = image.ask((table) => table.unwind(work.start, new Map([[4, 0x1000n], [8, work.start]]), () => Uint8Array.of(0x78, 0x56, 0x34, 0x12)));
    assert.ok(caller && caller !== 'outermost');
    assert.equal(caller.returnAddress, 0x1234_5678n);
    assert.deepEqual(complaints, []);
  });

  it('get call frame information at the stop at which it is in memory', async () => {
    const { mm, root } = kernel.memoryOf(pieArea([FRAMES_PAGE]));
    const task = kernel.task(7, 'pie', mm);
    const isLeftOut = (): boolean | undefined => symbols.images(0)[0]?.ask((table) => table.framesLeftOut !== undefined);
    await stop(task);
    assert.deepEqual([found(), isLeftOut()], [[`.debug in ${root}`], true]);
    const contents = program.programs['bin/pie'].subarray(FRAMES_PAGE * PAGE, (FRAMES_PAGE + 1) * PAGE);
    kernel.mapped.set(`${root} ${SOMEWHERE + FRAMES_PAGE * PAGE}`, kernel.page(0, 0, contents).physical);
    await stop(task);
    assert.equal(isLeftOut(), false);
    await stop(task);
    assert.deepEqual(kernel.userReads, [], 'nothing more is to be found out');
  });

  it('are found later when the pages that tell were in no memory', async () => {
    // The headers, and the code.
    const area = pieArea([0, 1]);
    const { mm, root } = kernel.memoryOf(area);
    const task = kernel.task(7, 'pie', mm);
    await stop(task);
    assert.deepEqual(found(), [`pie in ${root}`], 'a file by its name, which may be the right one');
    kernel.mapped.set(`${root} ${SOMEWHERE}`, kernel.page(0, 0, program.programs['bin/pie'].subarray(0, PAGE)).physical);
    await stop(task);
    assert.deepEqual(found(), [`.debug in ${root}`]);
    assert.match(complaints.join(), /is another build of \/bin\/pie than the guest runs at 0x405000/);
  });

  it('are told from another build by the code in the page cache, where the headers are in no memory', async () => {
    await stop(kernel.task(7, 'pie', kernel.memoryOf(pieArea([0])).mm));
    assert.deepEqual(found(), []);
    assert.match(complaints.join(), /is another build of \/bin\/pie than the guest runs at 0x405000/);
  });

  it('are found of what a process has mapped between stops, while another runs at both', async () => {
    const { mm, root } = kernel.memoryOf();
    kernel.task(7, 'opener', mm);
    const other = kernel.task(8, 'other', kernel.memoryOf().mm);
    await stop(other);
    assert.deepEqual(found(), []);
    // One of which it is not sure yet.
    kernel.setAreas(mm, [pieArea([0, 1])]);
    await stop(other);
    assert.deepEqual(found(), [`pie in ${root}`]);
    assert.ok(kernel.userReads.length > 0);
    await stop(other);
    assert.deepEqual([found(), kernel.userReads], [[`pie in ${root}`], []], 'what has not run is not read again');
    kernel.setAreas(mm, []);
    await stop(other);
    assert.deepEqual(found(), []);
  });

  it('are let go of when programs have ended that are somewhere else each time, but for the last ones', async () => {
    let open = 0;
    const files: FileReader = {
      ...FILES,
      open: async (path) => {
        const bytes = await FILES.read(path);
        open++;
        return { size: bytes.length, read: (offset, size) => bytes.subarray(offset, offset + size), close: () => { open--; } };
      },
    };
    const loader = new SymbolLoader({ sourceMap: [], symbolPaths: [program.symbols] }, files, (text) => complaints.push(text));
    const most = 5;
    symbols = new ProcessSymbols(loader, kernel.inspect, most);
    const { mm, root } = kernel.memoryOf();
    const task = kernel.task(7, 'pie', mm);
    const area = pieArea();
    const begin = async (place: number): Promise<bigint | undefined> => {
      kernel.setAreas(mm, [{ ...area, start: SOMEWHERE + place * 0x10_0000 }]);
      await stop(task);
      assert.deepEqual(found(), [`.debug in ${root}`]);
      return symbols.images(0)[0].details.bias;
    };
    for (let place = 0; place < 4 * most; place++) {
      assert.equal(await begin(place), BigInt(SOMEWHERE + place * 0x10_0000));
      // One more than are kept: room is made at the stop after.
      assert.ok(loader.count <= most + 1, `${loader.count} images`);
      assert.ok(open <= most + 1, `${open} files are open`);
    }
    const [last] = symbols.images(0);
    await begin(4 * most);
    await begin(4 * most - 1);
    assert.equal(symbols.images(0)[0], last, 'one of the last is known still');
    assert.equal(await begin(0), BigInt(SOMEWHERE), 'one of the first is found anew');
    assert.ok(symbols.images(0)[0].ask((table) => table.functionsNamed('work')[0]), 'and can be asked');
    loader.close();
    assert.equal(open, 0, 'all files are closed');
    assert.deepEqual(complaints, []);
  });

  it('are not let go of while a process has them, however many others come', async () => {
    const loader = new SymbolLoader({ sourceMap: [], symbolPaths: [program.symbols] }, FILES, (text) => complaints.push(text));
    symbols = new ProcessSymbols(loader, kernel.inspect, 2);
    const area = pieArea();
    const lasting = kernel.memoryOf({ ...area });
    const stays = kernel.task(7, 'pie', lasting.mm);
    await stop(stays);
    const [image] = symbols.images(0);
    const other = kernel.memoryOf();
    const task = kernel.task(8, 'pie', other.mm);
    for (let place = 1; place < 8; place++) {
      kernel.setAreas(other.mm, [{ ...area, start: SOMEWHERE + place * 0x10_0000 }]);
      await stop(task);
    }
    assert.ok(symbols.allImages().some((placed) => placed.image === image));
    await stop(stays);
    assert.equal(symbols.images(0)[0], image);
  });
});
