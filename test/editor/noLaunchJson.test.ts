// A real VS Code on a folder that knows nothing of Shadowbox yet.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cache } from '../../scripts/lib/paths.mjs';
import { useEditor } from './harness/suite';
import { openFile, screenshot } from './harness/workbench';

describe('in a real VS Code, in a folder without launch.json', function () {
  this.timeout(60_000);
  let folder = '';
  const editor = useEditor(async (_context, temporary) => {
    folder = await temporary(path.join(cache, 'no-launch-json-'));
    await writeFile(path.join(folder, 'kernel.c'), 'void kernel_main(void) {}\n');
    return { folder };
  });

  it('F5 on a C file makes one, with our first configuration in it', async () => {
    await openFile(editor.page, 'kernel.c');
    await editor.page.keyboard.press('F5');
    await editor.page.locator('.tab.active').filter({ hasText: 'launch.json' }).waitFor();
    await screenshot(editor.page, 'no-launch-json');
    const made = await readFile(path.join(folder, '.vscode', 'launch.json'), 'utf8');
    assert.match(made, /"type": "shadowbox"/);
  });
});
