// Inside VS Code: keys that take nothing from VS Code, words in place of keys, and memory as a file.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';

interface Binding { readonly key: string; readonly command: string; readonly when?: string }
interface Manifest {
  readonly description: string;
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string }[];
    readonly keybindings: readonly Binding[];
  };
}

/** VS Code's own list of all keys that are bound by default, ours among them: JSON with comments. */
async function defaultBindings(): Promise<readonly Binding[]> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse('vscode://defaultsettings/keybindings.json'));
  const json = document.getText().split('\n').filter((line) => !line.trimStart().startsWith('//')).join('\n');
  return JSON.parse(json) as readonly Binding[];
}

describe('editor parts', () => {
  const manifest = () => vscode.extensions.getExtension('shadowbox.shadowbox')?.packageJSON as Manifest;

  it('our keys take nothing from VS Code: none is bound, nor begins or ends a chord that is', async () => {
    const all = await defaultBindings();
    assert.ok(all.length > 500, `${all.length} default keys`);
    const theirs = all.filter(({ command }) => !command.startsWith('shadowbox.'));
    for (const { key, command, when = '' } of manifest().contributes.keybindings) {
      assert.ok(all.some((binding) => binding.command === command && binding.key === key), `${key} is not bound to ${command}`);
      // What lines of our own view mean by a key is theirs.
      if (when.startsWith('focusedView == shadowbox.')) continue;
      assert.deepEqual(theirs.filter((binding) => binding.key === key || binding.key.startsWith(`${key} `)).map((binding) => binding.command), [], key);
      // A first key that is a command by itself would no longer be one.
      const [first] = key.split(' ');
      assert.deepEqual(theirs.filter((binding) => binding.key === first && binding.when === undefined).map((binding) => binding.command), [], first);
    }
  });

  it('the manifest has words where package.json has keys', () => {
    assert.doesNotMatch(JSON.stringify(manifest()), /"%[\w.-]+%"/);
    assert.match(manifest().description, /virtual machine monitor/);
  });

  it('the settings have their defaults', () => {
    const settings = vscode.workspace.getConfiguration('shadowbox');
    assert.deepEqual([settings.get('statusBar.show'), settings.get('screen.openAutomatically'), settings.get('panels.openIn')], [true, true, 'beside']);
  });
});
