// Inside VS Code: the files on disk images and on a machine's disks, and the editor for images.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { leaveOut } from '../../support/leaveOut';
import { diskUri } from '../../../src/extension/disks/addresses';
import { folder, next } from './workspace';

const TOOL_PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;

describe('disks', function () {
  const place = mkdtempSync(path.join(tmpdir(), 'shadowbox-inside-'));
  const image = path.join(place, 'disk.img');
  const hello = () => path.join(folder().uri.fsPath, 'hello');
  const source = () => readFileSync(path.join(hello(), 'hello.asm'));

  before(function () {
    try {
      execFileSync('mkfs.ext4', ['-q', '-F', '-L', 'inside', '-d', hello(), image, '4M'], { env: { ...process.env, PATH: TOOL_PATH } });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') leaveOut(this, 'no mkfs.ext4 (Debian: e2fsprogs)');
      throw error;
    }
  });
  after(() => { rmSync(place, { recursive: true, force: true }); });

  it('files of an image are listed, read, opened, and cannot be changed', async () => {
    const uri = diskUri({ kind: 'image', path: image }, '/hello.asm');
    const entries = await vscode.workspace.fs.readDirectory(vscode.Uri.joinPath(uri, '..'));
    assert.deepEqual(entries.filter(([name]) => name === 'hello.asm' || name === 'lost+found').sort(), [['hello.asm', vscode.FileType.File], ['lost+found', vscode.FileType.Directory]]);
    const { size, permissions } = await vscode.workspace.fs.stat(uri);
    assert.deepEqual([size, permissions], [source().length, vscode.FilePermission.Readonly]);
    assert.ok(Buffer.from(await vscode.workspace.fs.readFile(uri)).equals(source()));
    const document = await vscode.workspace.openTextDocument(uri);
    assert.equal(document.getText(), source().toString());
    await assert.rejects(Promise.resolve(vscode.workspace.fs.writeFile(uri, new Uint8Array(1))));
    await assert.rejects(Promise.resolve(vscode.workspace.fs.stat(diskUri({ kind: 'image', path: image }, '/nothing'))), (error) => error instanceof vscode.FileSystemError && error.code === 'FileNotFound');
    await assert.rejects(Promise.resolve(vscode.workspace.fs.readDirectory(diskUri({ kind: 'image', path: path.join(place, 'gone.img') }))), /no such file/);
  });

  it('an image opens in its editor', async () => {
    await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(image));
    const isOurs = () => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputCustom && input.viewType === 'shadowbox.diskImage';
    };
    if (!isOurs()) await next(vscode.window.tabGroups.onDidChangeTabs, 'the editor', isOurs);
    assert.ok(isOurs());
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('the disk of a machine is read as the machine has it, and is gone with it', async () => {
    const stopped = next(vscode.debug.onDidChangeActiveStackItem, 'a frame in focus', (item) => item instanceof vscode.DebugStackFrame);
    const configuration = { type: 'shadowbox', request: 'launch', name: 'with a disk', floppy: path.join(hello(), 'hello.img'), disks: [image], memory: '16M', serial: 'none' };
    assert.equal(await vscode.debug.startDebugging(folder(), configuration), true);
    const { session } = await stopped ?? {};
    assert.ok(session);
    const uri = diskUri({ kind: 'machine', session: session.id, disk: 'disk0' }, '/hello.asm');
    assert.ok(Buffer.from(await vscode.workspace.fs.readFile(uri)).equals(source()));
    await assert.rejects(Promise.resolve(vscode.workspace.fs.readDirectory(diskUri({ kind: 'machine', session: session.id, disk: 'disk7' }))));
    const ended = next(vscode.debug.onDidTerminateDebugSession, 'the session to end', ({ id }) => id === session.id);
    await vscode.debug.stopDebugging(session);
    await ended;
    await assert.rejects(Promise.resolve(vscode.workspace.fs.readFile(uri)), /gone/);
  });
});
