// Inside VS Code: the extension is there, wakes up when it should, and contributes what its manifest says.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly debuggers: readonly { readonly type: string }[];
  };
}

/** The extension under test. */
function shadowbox(): vscode.Extension<unknown> {
  const extension = vscode.extensions.getExtension('shadowbox.shadowbox');
  assert.ok(extension, 'the extension is not installed');
  return extension;
}

describe('activation', () => {
  it('activates without an error', async () => {
    await shadowbox().activate();
    assert.equal(shadowbox().isActive, true);
  });

  it('registers every command that the manifest contributes', async () => {
    const manifest = shadowbox().packageJSON as Manifest;
    const registered = new Set(await vscode.commands.getCommands(true));
    const commands = manifest.contributes.commands.map(({ command }) => command);
    assert.ok(commands.length > 0);
    assert.deepEqual(commands.filter((command) => !registered.has(command)), []);
  });

  it('contributes the debug type', () => {
    const manifest = shadowbox().packageJSON as Manifest;
    assert.deepEqual(manifest.contributes.debuggers.map(({ type }) => type), ['shadowbox']);
  });
});
