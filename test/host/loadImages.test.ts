/** Loading a machine's files: what comes out, and the word on what is wrong with one. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { nodeFiles } from '../../src/host/node/fileAccess';
import { loadImages } from '../../src/host/node/loadImages';
import { findSeaBios } from '../../src/host/node/seabios';
import { LoadError } from '../../src/monitor/firmware/platform';
import { MachineError } from '../../src/monitor/machine/blame';
import { validateConfiguration } from '../../src/monitor/machine/configuration';
import type { MachineImages } from '../../src/monitor/machine/images';
import { leaveOut } from '../support/leaveOut';

describe('the files of a machine', () => {
  let folder = '';

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'shadowbox-files-'));
    await mkdir(path.join(folder, 'folder'));
    await writeFile(path.join(folder, 'empty'), '');
    await writeFile(path.join(folder, 'four'), Uint8Array.of(1, 2, 3, 4));
    await writeFile(path.join(folder, 'large'), new Uint8Array(2 * 1024 * 1024));
    await writeFile(path.join(folder, 'huge'), new Uint8Array(16 * 1024 * 1024 + 1));
  });

  after(() => rm(folder, { recursive: true }));

  async function load(values: object): Promise<MachineImages> {
    const validation = validateConfiguration(values, { front: 'editor', resolvePath: (file) => path.join(folder, file) });
    assert.ok('configuration' in validation, JSON.stringify(validation));
    return loadImages(validation.configuration);
  }

  it('of UEFI variables are the build\'s own, or a file that is made from those when it may be written', async () => {
    await writeFile(path.join(folder, 'OVMF_CODE.fd'), Uint8Array.of(1));
    await writeFile(path.join(folder, 'OVMF_VARS.fd'), Uint8Array.of(2, 3));
    const variables = async (values: object): Promise<unknown> => (await load({ firmware: 'OVMF_CODE.fd', ...values })).firmwareVariables;
    const own = { path: path.join(folder, 'OVMF_VARS.fd'), bytes: Uint8Array.of(2, 3), writable: false };
    assert.deepEqual(await variables({}), own);
    assert.deepEqual(await variables({ firmwareVariables: 'four' }), { path: path.join(folder, 'four'), bytes: Uint8Array.of(1, 2, 3, 4), writable: false });
    const mine = path.join(folder, 'mine.fd');
    await assert.rejects(variables({ firmwareVariables: 'mine.fd' }), (error) => error instanceof LoadError && error.field === 'firmwareVariables' && /mine\.fd: there is no such file/.test(error.message));
    assert.deepEqual(await variables({ firmwareVariables: { path: 'mine.fd', writable: true } }), { path: mine, bytes: own.bytes, writable: true });
    await writeFile(mine, Uint8Array.of(9));
    assert.deepEqual(await variables({ firmwareVariables: { path: 'mine.fd', writable: true } }), { path: mine, bytes: Uint8Array.of(9), writable: true });
  });

  it('are read where booting needs their bytes, and stay files where they are disks', async () => {
    const images = await load({ multiboot: 'four', modules: [{ path: 'four', cmdline: 'm 1' }], disks: ['large', { path: 'four', writable: true }], floppy: 'large' });
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const four = path.join(folder, 'four');
    const large = path.join(folder, 'large');
    assert.deepEqual(images.multiboot, { path: four, bytes });
    assert.deepEqual(images.modules, [{ path: four, bytes, cmdline: 'm 1' }]);
    assert.deepEqual(images.disks, [{ path: large, bytes: 2 ** 21, writable: false, bus: 'ata' }, { path: four, bytes: 4, writable: true, bus: 'ata' }]);
    assert.deepEqual(images.floppy, { path: large, bytes: 2 ** 21, writable: false });
    assert.equal(images.firmware, undefined);
    structuredClone(images);
  });

  const refusals: readonly (readonly [string, object, string, RegExp])[] = [
    ['a missing kernel', { kernel: 'none' }, 'kernel', /none: there is no such file; check the path$/],
    ['a folder as initrd', { kernel: 'four', initrd: 'folder' }, 'initrd', /folder: it is a folder; name a file in it$/],
    ['an empty Multiboot image', { multiboot: 'empty' }, 'multiboot', /empty: the file is empty; check how it was made$/],
    ['a missing module', { multiboot: 'four', modules: ['none'] }, 'modules', /none: there is no such file/],
    ['a path through a file', { floppy: 'four/x' }, 'floppy', /x: part of the path is a file, not a folder; check the path$/],
    ['an empty disk', { disks: ['four', 'empty'] }, 'disks', /empty: the file is empty/],
    ['a ROM that cannot be one', { firmware: 'huge' }, 'firmware', /huge: 16777217 bytes are too many \(at most 16777216\)/],
    ['a missing ROM', { firmware: 'none' }, 'firmware', /none: there is no such file/],
  ];
  for (const [name, values, field, message] of refusals) {
    it(`are refused: ${name}`, async () => {
      await assert.rejects(load(values), (error) => error instanceof LoadError && error.field === field && message.test(error.message) && error.message.startsWith(folder));
    });
  }

  it('are refused: what is no ordinary file', async function () {
    if (process.platform === 'win32') leaveOut(this, 'Windows has no /dev/zero');
    const validation = validateConfiguration({ disks: ['/dev/zero'] }, { front: 'editor' });
    assert.ok('configuration' in validation);
    await assert.rejects(loadImages(validation.configuration), /\/dev\/zero: it is no ordinary file; copy it to one/);
  });

  it('are refused: what may not be read', async function () {
    if (process.platform === 'win32' || process.getuid?.() === 0) leaveOut(this, 'root, or Windows, may read every file');
    const secret = path.join(folder, 'secret');
    await writeFile(secret, 'x');
    await chmod(secret, 0);
    await assert.rejects(load({ kernel: 'secret' }), /secret: it may not be accessed; change its permissions/);
  });
});

describe('SeaBIOS', () => {
  let folder = '';
  before(async () => { folder = await mkdtemp(path.join(tmpdir(), 'shadowbox-seabios-')); });
  after(() => rm(folder, { recursive: true }));

  it('is found in the first folder that has it, the larger build first', async () => {
    const [first, second] = [path.join(folder, 'first'), path.join(folder, 'second')];
    await mkdir(first);
    await mkdir(second);
    for (const file of [path.join(first, 'bios.bin'), path.join(second, 'bios.bin'), path.join(second, 'bios-256k.bin'), path.join(second, 'vgabios-stdvga.bin')]) await writeFile(file, 'x');
    const both = await findSeaBios([first, second]);
    assert.deepEqual([both.bios, both.vgaBios], [path.join(first, 'bios.bin'), path.join(second, 'vgabios-stdvga.bin')]);
    assert.equal((await findSeaBios([second])).bios, path.join(second, 'bios-256k.bin'));
  });

  it('has a remedy when it is not there', async () => {
    const { bios, remedy } = await findSeaBios([path.join(folder, 'nowhere')]);
    assert.equal(bios, undefined);
    assert.match(remedy, /nowhere; install it \(Debian and Ubuntu: apt-get install seabios\)/);
  });
});

describe('an open file', () => {
  let file = '';
  beforeEach(async () => {
    file = path.join(await mkdtemp(path.join(tmpdir(), 'shadowbox-open-')), 'disk');
    await writeFile(file, Uint8Array.of(1, 2, 3, 4, 5));
  });
  afterEach(() => rm(path.dirname(file), { recursive: true }));

  it('is read at an offset, with zeros beyond its end', () => {
    const open = nodeFiles.open(file, false);
    const target = new Uint8Array(4).fill(0xff);
    open.read(3, target);
    assert.deepEqual([open.size, ...target], [5, 4, 5, 0, 0]);
    open.read(100, target);
    assert.deepEqual([...target], [0, 0, 0, 0]);
    open.close();
  });

  it('is written at an offset when that was asked for, and refused otherwise', () => {
    const open = nodeFiles.open(file, true);
    open.write(1, Uint8Array.of(9, 8));
    const target = new Uint8Array(5);
    open.read(0, target);
    assert.deepEqual([...target], [1, 9, 8, 4, 5]);
    open.close();
    const readOnly = nodeFiles.open(file, false);
    assert.throws(() => readOnly.write(0, target), MachineError);
    readOnly.close();
  });

  it('fails with the file\'s name when it is gone', () => {
    assert.throws(() => nodeFiles.open(`${file}-gone`, false), (error) => error instanceof MachineError && error.blame === 'user' && /disk-gone: there is no such file/.test(error.message));
  });
});
