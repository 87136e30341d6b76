/** The 9P2000.L server over a folder of the host: what it does, what it refuses, and that nobody gets out of the folder. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leaveOut } from '../../support/leaveOut';
import { TYPE } from '../../../src/host/ninep/messages';
import { createRandom } from '../../monitor/devices/fake-host';
import { Client, NO_FID, OPEN } from './client';

const EPERM = 1, ENOENT = 2, EBADF = 9, EEXIST = 17, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, EMFILE = 24, EROFS = 30, ENAMETOOLONG = 36, ENOTEMPTY = 39, ELOOP = 40, EOPNOTSUPP = 95;
const SET = { mode: 1, size: 8, modified: 0x20, modifiedTo: 0x100 } as const;

describe('9P2000.L server', () => {
  let outer = '';
  let folder = '';
  let client: Client;
  const at = (...names: string[]): string => path.join(folder, ...names);

  beforeEach(() => {
    outer = mkdtempSync(path.join(tmpdir(), 'shadowbox-9p-'));
    folder = path.join(outer, 'shared');
    mkdirSync(at('sub', 'deep'), { recursive: true });
    writeFileSync(at('file'), 'contents');
    writeFileSync(at('sub', 'deep', 'leaf'), 'leaf');
    writeFileSync(path.join(outer, 'secret'), 'secret');
    symlinkSync('../secret', at('way out'));
    symlinkSync('..', at('up'));
    client = new Client(folder);
  });
  afterEach(() => {
    client.server.close();
    rmSync(outer, { recursive: true });
  });

  const setAttributes = (fid: number, valid: number, { mode = 0, bytes = 0n, modified = 0n } = {}): number =>
    client.error(TYPE.setattr, (w) => w.u32(fid).u32(valid).u32(mode).u32(0).u32(0).u64(bytes).u64(0n).u64(0n).u64(modified).u64(0n));
  const create = (name: string, flags: number, mode = 0o644): number => {
    const fid = client.walk();
    client.call(TYPE.create, (w) => w.u32(fid).text(name).u32(flags).u32(mode).u32(0));
    return fid;
  };

  it('agrees on the version and on the size of messages', () => {
    assert.equal(client.call(TYPE.version, (w) => w.u32(2 ** 31).text('9P2000.L')).u32(), 512 * 1024);
    const answer = client.call(TYPE.version, (w) => w.u32(8192).text('9P2000'));
    assert.deepEqual([answer.u32(), answer.text()], [8192, 'unknown']);
    assert.equal(client.error(TYPE.clunk, (w) => w.u32(client.root)), EBADF, 'a new session has no fids');
  });

  it('walks, and stops where there is nothing more', () => {
    assert.equal(client.attributes(client.walk('sub', 'deep', 'leaf')).bytes, 4n);
    const fid = 999;
    const walk = (...names: string[]): number => {
      const answer = client.attempt(TYPE.walk, (w) => names.reduce((writer, name) => writer.text(name), w.u32(0).u32(fid).u16(names.length)));
      return typeof answer === 'number' ? -answer : answer.u16();
    };
    assert.deepEqual([walk('sub', 'nothing', 'leaf'), walk('nothing'), walk('file', 'x')], [1, -ENOENT, 1]);
    assert.equal(client.error(TYPE.clunk, (w) => w.u32(fid)), EBADF);
    assert.equal(client.error(TYPE.walk, (w) => w.u32(NO_FID).u32(fid).u16(0)), EBADF);
    assert.equal(walk(...new Array<string>(17).fill('..')), -EINVAL);
    assert.deepEqual([walk('sub', '..', 'file'), client.error(TYPE.clunk, (w) => w.u32(fid))], [3, 0]);
    assert.equal(client.error(TYPE.walk, (w) => w.u32(0).u32(client.walk('sub')).u16(0)), EINVAL, 'a fid that is taken');
  });

  it('reads files', () => {
    const fid = client.open(client.walk('file'), OPEN.read);
    assert.deepEqual([client.read(fid, 3, 100).toString(), client.read(fid, 8, 100).length, client.read(fid, 2 ** 40, 9).length], ['tents', 0, 0]);
    assert.equal(client.error(TYPE.write, (w) => w.u32(fid).u64(0n).u32(1).data(Uint8Array.of(1))), EBADF);
    assert.equal(client.error(TYPE.read, (w) => w.u32(client.walk('sub')).u64(0n).u32(9)), EBADF, 'not opened');
    assert.equal(client.error(TYPE.open, (w) => w.u32(client.walk('sub')).u32(OPEN.both)), EISDIR);
  });

  it('creates files, writes, truncates and appends', () => {
    const fid = create('new', OPEN.both | OPEN.exclusive, 0o640);
    assert.deepEqual([client.write(fid, 5, 'hello'), client.read(fid, 0, 20).toString()], [5, '\0\0\0\0\0hello']);
    assert.equal(statSync(at('new')).mode & 0o777, 0o640, 'whatever the mask of this process');
    assert.equal(client.error(TYPE.create, (w) => w.u32(client.walk()).text('new').u32(OPEN.write | OPEN.exclusive).u32(0o644).u32(0)), EEXIST);
    client.open(client.walk('new'), OPEN.write | OPEN.truncate);
    assert.equal(readFileSync(at('new'), 'latin1'), '');
    client.write(client.open(client.walk('file'), OPEN.write | OPEN.append), 0, '!');
    assert.equal(readFileSync(at('file'), 'latin1'), 'contents!');
    assert.equal(client.error(TYPE.fsync, (w) => w.u32(fid).u32(0)), 0);
  });

  it('goes on with a file that has lost its name', () => {
    const fid = client.open(client.walk('file'), OPEN.both);
    assert.equal(client.error(TYPE.unlinkat, (w) => w.u32(0).text('file').u32(0)), 0);
    client.write(fid, 0, 'C');
    assert.deepEqual([client.read(fid, 0, 20).toString(), client.attributes(fid).links], ['Contents', 0n]);
  });

  it('lists folders, in pieces', () => {
    for (let number = 0; number < 500; number++) writeFileSync(at('sub', `${'long name '.repeat(5)}${String(number)}`), '');
    const entries = client.entries(client.open(client.walk('sub'), OPEN.read), 4096);
    assert.deepEqual(entries.map(({ name }) => name).sort(), ['.', '..', ...readdirSync(at('sub'))].sort());
    assert.deepEqual(entries.map(({ offset }) => offset), entries.map((_, index) => BigInt(index + 1)));
    const kinds = new Map(client.entries(client.walk()).map(({ name, type }) => [name, type]));
    assert.deepEqual(['sub', 'file', 'up'].map((name) => kinds.get(name)), [4, 8, 10]);
    assert.equal(client.error(TYPE.readdir, (w) => w.u32(client.walk('file')).u64(0n).u32(9)), ENOTDIR);
  });

  it('makes and removes folders and links', () => {
    client.call(TYPE.mkdir, (w) => w.u32(0).text('made').u32(0o750).u32(0));
    assert.equal(statSync(at('made')).mode & 0o777, 0o750);
    client.call(TYPE.symlink, (w) => w.u32(client.walk('made')).text('link').text('../file').u32(0));
    assert.equal(client.call(TYPE.readlink, (w) => w.u32(client.walk('made', 'link'))).text(), '../file');
    client.call(TYPE.link, (w) => w.u32(0).u32(client.walk('file')).text('twin'));
    assert.equal(statSync(at('twin')).nlink, 2);
    assert.deepEqual([
      client.error(TYPE.unlinkat, (w) => w.u32(0).text('made').u32(0x200)), client.error(TYPE.unlinkat, (w) => w.u32(client.walk('made')).text('link').u32(0)),
      client.error(TYPE.unlinkat, (w) => w.u32(0).text('made').u32(0x200)), client.error(TYPE.remove, (w) => w.u32(client.walk('twin'))),
      client.error(TYPE.remove, (w) => w.u32(0)),
    ], [ENOTEMPTY, 0, 0, 0, 16]);
    assert.deepEqual([existsSync(at('made')), existsSync(at('twin'))], [false, false]);
  });

  it('renames, and fids go along', () => {
    const leaf = client.walk('sub', 'deep', 'leaf');
    client.call(TYPE.renameat, (w) => w.u32(0).text('sub').u32(0).text('moved'));
    assert.equal(client.read(client.open(leaf, OPEN.read), 0, 9).toString(), 'leaf');
    assert.ok(existsSync(at('moved', 'deep', 'leaf')));
    client.call(TYPE.rename, (w) => w.u32(client.walk('file')).u32(client.walk('moved')).text('renamed'));
    assert.ok(existsSync(at('moved', 'renamed')));
    assert.equal(client.error(TYPE.renameat, (w) => w.u32(0).text('moved').u32(client.walk('moved', 'deep')).text('x')), EINVAL);
  });

  it('gives and sets attributes', () => {
    const fid = client.walk('file');
    assert.equal(setAttributes(fid, SET.mode | SET.size, { mode: 0o106600 | 0o4000, bytes: 3n }), 0);
    assert.equal(setAttributes(fid, SET.modified | SET.modifiedTo, { modified: 981_173_106n }), 0);
    assert.deepEqual([readFileSync(at('file'), 'latin1'), statSync(at('file')).mode & 0o7777], ['con', 0o600], 'without the set-user-ID bit');
    assert.deepEqual(client.attributes(fid), { mode: 0o100600, links: 1n, bytes: 3n, modified: 981_173_106n });
    assert.equal(client.attributes(client.walk('up')).mode & 0o170000, 0o120000);
    const answer = client.call(TYPE.statfs, (w) => w.u32(0));
    assert.equal(answer.u32(), 0x01021997);
    assert.ok(answer.u32() >= 512 && answer.u64() > 0n);
  });

  it('grants locks, and has no extended attributes, devices or authentication', () => {
    const lock = client.call(TYPE.lock, (w) => w.u32(0).u8(1).u32(0).u64(0n).u64(0n).u32(7).text('me'));
    assert.equal(lock.u8(), 0);
    const found = client.call(TYPE.getlock, (w) => w.u32(0).u8(1).u64(5n).u64(6n).u32(7).text('me'));
    assert.deepEqual([found.u8(), found.u64(), found.u64(), found.u32(), found.text()], [2, 5n, 6n, 7, 'me']);
    assert.deepEqual([TYPE.xattrwalk, TYPE.xattrcreate, TYPE.auth, 200, 0].map((type) => client.error(type, (w) => w.u32(0).u32(99).text('x'))), new Array<number>(5).fill(EOPNOTSUPP));
    assert.equal(client.error(TYPE.mknod, (w) => w.u32(0).text('null').u32(0o20666).u32(1).u32(3).u32(0)), EPERM);
    assert.equal(client.error(TYPE.flush, (w) => w.u16(1)), 0);
  });

  describe('confined to its folder', () => {
    it('goes up to the root and no further', () => {
      assert.equal(client.find('..', '..', 'secret'), undefined);
      assert.equal(client.attributes(client.walk('..', '..', 'file')).bytes, 8n);
    });

    it('takes no names that are paths', () => {
      for (const name of ['../secret', '/etc/passwd', 'sub/deep', '.', '', 'a\0b']) {
        assert.equal(client.find(name), undefined, name);
        for (const type of [TYPE.mkdir, TYPE.unlinkat]) assert.equal(client.error(type, (w) => w.u32(0).text(name).u32(0).u32(0)), EINVAL, name);
        assert.equal(client.error(TYPE.renameat, (w) => w.u32(0).text('file').u32(0).text(name)), EINVAL, name);
      }
      assert.equal(client.error(TYPE.unlinkat, (w) => w.u32(0).text('..').u32(0x200)), EINVAL);
      assert.equal(client.error(TYPE.mkdir, (w) => w.u32(0).text('x'.repeat(256)).u32(0o755).u32(0)), ENAMETOOLONG);
    });

    it('follows no symbolic link, neither at the end nor on the way', () => {
      assert.equal(client.error(TYPE.open, (w) => w.u32(client.walk('way out')).u32(OPEN.read)), ELOOP);
      assert.equal(client.error(TYPE.create, (w) => w.u32(client.walk()).text('way out').u32(OPEN.write).u32(0o644).u32(0)), ELOOP);
      assert.equal(client.find('up', 'secret'), undefined);
      assert.equal(setAttributes(client.walk('way out'), SET.mode, { mode: 0o777 }), EOPNOTSUPP);
      assert.equal(setAttributes(client.walk('way out'), SET.size, { bytes: 0n }), ELOOP);
      assert.equal(readFileSync(path.join(outer, 'secret'), 'latin1'), 'secret');
      client.call(TYPE.link, (w) => w.u32(0).u32(client.walk('way out')).text('second'));
      assert.ok(lstatSync(at('second')).isSymbolicLink(), 'the link has two names, not what it leads to');
    });

    it('not even when a folder becomes a link under a fid', () => {
      const leaf = client.walk('sub', 'deep', 'leaf');
      const deep = client.walk('sub', 'deep');
      mkdirSync(path.join(outer, 'elsewhere'));
      writeFileSync(path.join(outer, 'elsewhere', 'leaf'), 'secret');
      renameSync(at('sub', 'deep'), at('sub', 'kept'));
      symlinkSync(path.join(outer, 'elsewhere'), at('sub', 'deep'));
      assert.equal(client.error(TYPE.open, (w) => w.u32(leaf).u32(OPEN.read)), ELOOP);
      assert.equal(client.error(TYPE.create, (w) => w.u32(deep).text('new').u32(OPEN.write).u32(0o644).u32(0)), ELOOP);
      assert.equal(client.error(TYPE.unlinkat, (w) => w.u32(deep).text('leaf').u32(0)), ELOOP);
      assert.equal(client.error(TYPE.readdir, (w) => w.u32(deep).u64(0n).u32(4096)), ENOTDIR);
      assert.deepEqual(readdirSync(path.join(outer, 'elsewhere')), ['leaf']);
    });

    it('opens nothing that is no ordinary file', function () {
      if (spawnSync('mkfifo', [at('pipe')]).status !== 0) leaveOut(this, 'no mkfifo (coreutils)');
      assert.equal(client.error(TYPE.open, (w) => w.u32(client.walk('pipe')).u32(OPEN.read)), EPERM);
    });
  });

  it('changes nothing in a folder that is for reading only', () => {
    const reader = new Client(folder, false);
    const root = (): number => reader.walk();
    assert.equal(reader.read(reader.open(reader.walk('file'), OPEN.read), 0, 20).toString(), 'contents');
    const attempts: readonly number[] = [
      reader.error(TYPE.open, (w) => w.u32(reader.walk('file')).u32(OPEN.write)),
      reader.error(TYPE.open, (w) => w.u32(reader.walk('file')).u32(OPEN.read | OPEN.truncate)),
      reader.error(TYPE.create, (w) => w.u32(root()).text('new').u32(OPEN.read).u32(0o644).u32(0)),
      reader.error(TYPE.setattr, (w) => w.u32(reader.walk('file')).u32(SET.mode).u32(0).u32(0).u32(0).u64(0n).u64(0n).u64(0n).u64(0n).u64(0n)),
      reader.error(TYPE.mkdir, (w) => w.u32(root()).text('new').u32(0o755).u32(0)),
      reader.error(TYPE.symlink, (w) => w.u32(root()).text('new').text('x').u32(0)),
      reader.error(TYPE.link, (w) => w.u32(root()).u32(reader.walk('file')).text('new')),
      reader.error(TYPE.renameat, (w) => w.u32(root()).text('file').u32(root()).text('new')),
      reader.error(TYPE.rename, (w) => w.u32(reader.walk('file')).u32(root()).text('new')),
      reader.error(TYPE.unlinkat, (w) => w.u32(root()).text('file').u32(0)),
      reader.error(TYPE.remove, (w) => w.u32(reader.walk('file'))),
      reader.error(TYPE.mknod, (w) => w.u32(root()).text('new').u32(0).u32(0).u32(0).u32(0)),
    ];
    assert.deepEqual(attempts, attempts.map(() => EROFS));
    assert.deepEqual(readdirSync(folder).sort(), ['file', 'sub', 'up', 'way out']);
    reader.server.close();
  });

  it('bounds what a client can make it keep', () => {
    let status = 0;
    for (let number = 0; number < 600 && status === 0; number++) status = client.error(TYPE.open, (w) => w.u32(client.walk('file')).u32(OPEN.read));
    assert.equal(status, EMFILE);
    client.call(TYPE.version, (w) => w.u32(8192).text('9P2000.L'));
    assert.equal(client.error(TYPE.attach, (w) => w.u32(0).u32(NO_FID).text('').text('').u32(0)), 0);
    assert.equal(client.error(TYPE.open, (w) => w.u32(client.walk('file')).u32(OPEN.read)), 0, 'a new session has all of it again');
  });

  it('answers whatever comes', function () {
    this.timeout(20_000);
    const random = createRandom(9);
    const types = Object.values(TYPE);
    for (let round = 0; round < 5000; round++) {
      const message = Uint8Array.from({ length: random(60) }, () => (random(2) === 0 ? random(4) : random(256)));
      if (message.length > 4) message[4] = types[random(types.length)];
      const answer = client.server.handle(message);
      assert.equal(new DataView(answer.buffer).getUint32(0, true), answer.length);
    }
    assert.deepEqual(readdirSync(outer).sort(), ['secret', 'shared']);
  });
});
