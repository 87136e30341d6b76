// Every panel in a real VS Code on the sample paging-lab: what it shows, by keys alone, in three themes.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { samples } from '../../scripts/lib/paths.mjs';
import { showPanel, visitPanels } from './harness/panelVisits';
import { useEditor } from './harness/suite';
import { chooseInContextMenu, startDebugging, stopDebugging, toggleBreakpoint, variableRow, waitForLine, waitForStopped } from './harness/workbench';
import { PAGING_LAB_VISITS } from './visits/pagingLab';

const LAB = 'paging-lab: address spaces';

describe('all panels in a real VS Code, on paging-lab', function () {
  this.timeout(90_000);
  // Each test goes on where the one before left the guest.
  this.bail(true);
  const editor = useEditor(() => Promise.resolve({ folder: samples }));

  it('stops where a page is to be copied', async () => {
    const { page } = editor;
    const line = readFileSync(path.join(samples, 'paging-lab', 'paging.c'), 'utf8').split('\n').findIndex((text) => text.includes('marker: copy-frame')) + 1;
    await toggleBreakpoint(page, 'paging.c', line);
    await startDebugging(page, LAB);
    await waitForStopped(page);
    await page.keyboard.press('F5');
    await waitForLine(page, line);
  });

  it('a variable leads to the frame behind its address in Physical Memory', async () => {
    const { page } = editor;
    const row = variableRow(page, 'entry');
    await row.waitFor();
    const [, pointer = ''] = /0x([0-9a-f]+)/.exec(await row.innerText()) ?? [];
    await chooseInContextMenu(page, row, 'Show in Physical Memory');
    const panel = await showPanel(page, 'Physical Memory');
    // The kernel maps all of its memory one to one.
    const frame = `0x${(parseInt(pointer, 16) & ~0xfff).toString(16).padStart(8, '0')}`;
    await panel.locator('.detail h2').filter({ hasText: `Page ${frame}` }).waitFor();
    await panel.locator('#here').filter({ hasText: new RegExp(`^${frame}`) }).waitFor();
  });

  it('a walk in Page Tables leads to its frame there', async () => {
    const { page } = editor;
    const tables = await showPanel(page, 'Page Tables');
    await tables.locator('input[data-field=address]').fill('0x000b8000');
    await tables.locator('form[data-form=walk] button').click();
    await tables.locator('.walk h2').filter({ hasText: 'Walk of 000b8000' }).waitFor();
    await tables.locator('[data-open=frame]').click();
    const panel = await showPanel(page, 'Physical Memory');
    await panel.locator('.detail h2').filter({ hasText: 'Page 0x000b8000: Device' }).waitFor();
  });

  visitPanels('paging-lab', editor, PAGING_LAB_VISITS);

  it('ends', async () => {
    await stopDebugging(editor.page);
  });
});
