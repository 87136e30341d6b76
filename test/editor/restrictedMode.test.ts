// A real VS Code in Restricted Mode: what of Shadowbox works in a folder that is not trusted, what is withheld until it is, and that the person is told.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { cache, samples } from '../../scripts/lib/paths.mjs';
import { useEditor } from './harness/suite';
import { chooseInContextMenu, machinesView, panelFrame, runCommand, screenshot, stopDebugging, waitForStopped } from './harness/workbench';

describe('in a real VS Code, in Restricted Mode', function () {
  this.timeout(60_000);
  // Each test goes on where the one before left the window.
  this.bail(true);
  const editor = useEditor(async (_context, temporary) => {
    const folder = await temporary(path.join(cache, 'restricted-'));
    cpSync(path.join(samples, 'hello', 'hello.img'), path.join(folder, 'boot.img'));
    mkdirSync(path.join(folder, '.vscode'));
    const configuration = { type: 'shadowbox', request: 'launch', name: 'somebody else’s machine', floppy: '${workspaceFolder}/boot.img', memory: '16M' };
    writeFileSync(path.join(folder, '.vscode', 'launch.json'), JSON.stringify({ version: '0.2.0', configurations: [configuration] }));
    // The folder opens at once, as one does that was opened before; it is asked when it matters.
    return { folder, asksForTrust: true, settings: { 'security.workspace.trust.startupPrompt': 'never' } };
  });
  const dialog = (page: Page) => page.locator('.monaco-dialog-box');
  /** VS Code asks for trust before a guest is started; the answer is no. */
  const refuse = async (page: Page): Promise<void> => {
    await dialog(page).filter({ hasText: /trust/i }).waitFor();
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'hidden' });
    assert.equal(await page.locator('.debug-toolbar').isVisible(), false, 'nothing was started');
  };

  it('says so, and why guests are not started', async () => {
    const { page } = editor;
    await page.locator('.statusbar-item').filter({ hasText: 'Restricted Mode' }).waitFor();
    await runCommand(page, 'Extensions: Show Installed Extensions');
    await page.locator('.extensions-list .monaco-list-row').filter({ hasText: 'Shadowbox' }).first().click();
    await page.locator('.extension-editor').filter({ hasText: /In Restricted Mode guests are not started: a workspace's launch configuration names the files, folders and ports/ }).waitFor();
    await screenshot(page, 'restricted-mode-extension');
  });

  it('shows a disk image in its editor', async () => {
    const { page } = editor;
    await runCommand(page, 'View: Show Explorer');
    await page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: 'boot.img' }).dblclick();
    const image = await panelFrame(page, 'boot.img');
    await image.locator('.facts').filter({ hasText: 'Boot sector' }).waitFor();
    await screenshot(page, 'restricted-mode-image');
  });

  it('lists machines, but starts none, neither one of launch.json nor an image, before the folder is trusted', async () => {
    const { page } = editor;
    await chooseInContextMenu(page, page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: 'boot.img' }), 'Boot in Shadowbox');
    await refuse(page);
    await runCommand(page, 'Run and Debug: Focus on Machines View');
    const machine = machinesView(page).locator('.monaco-list-row').filter({ hasText: 'somebody else’s machine' });
    await machine.hover();
    await machine.locator('.action-label[aria-label^="Start"]').click();
    await dialog(page).filter({ hasText: /trust/i }).waitFor();
    await screenshot(page, 'restricted-mode-asks');
    await refuse(page);
  });

  it('starts the machine when the person trusts the folder', async () => {
    const { page } = editor;
    const machine = machinesView(page).locator('.monaco-list-row').filter({ hasText: 'somebody else’s machine' });
    await machine.hover();
    await machine.locator('.action-label[aria-label^="Start"]').click();
    await dialog(page).getByRole('button', { name: /trust/i }).first().click();
    await waitForStopped(page);
    await page.locator('.statusbar-item').filter({ hasText: 'Restricted Mode' }).waitFor({ state: 'hidden' });
    await stopDebugging(page);
  });
});
