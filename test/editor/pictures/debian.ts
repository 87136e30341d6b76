/** The scenes debian, the kernel of Debian's installer at work in the serial terminal and stopped there, and disk, a disk with a Debian on it. */
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { cache } from '../../../scripts/lib/paths.mjs';
import { diskImage, diskWord } from '../../guests/support/debianDisk';
import { panelFrame, runCommand, startDebugging, stopDebugging, waitForRunning, waitForStopped, waitForTerminal } from '../harness/workbench';
import type { Camera } from './camera';
import { askConsole, toFirstLine } from './window';

const INSTALLER = 'Debian\'s installer';
const DISK = 'Debian on a disk';
const IMAGE = 'debian-12.img';
const DISK_FILE = diskImage('amd64');
const KERNEL = path.join(cache, 'guests', 'debian-i386', 'linux');
/** A boot takes twenty seconds of a processor, and longer where that has other things to do. */
const BOOT_MS = 300_000;
/** Nobody waits for pictures: a computer may have much else to do. */
const SLOW_MS = 180_000;

/** A workspace with these files of the cache in it and one launch configuration. @returns its folder */
async function workspace(folder: string, files: Readonly<Record<string, string>>, configuration: Readonly<Record<string, unknown>>): Promise<string> {
  await mkdir(path.join(folder, '.vscode'), { recursive: true });
  for (const [name, file] of Object.entries(files)) await symlink(file, path.join(folder, name));
  const whole = { type: 'shadowbox', request: 'launch', memory: '512M', serial: 'terminal', stopOnEntry: true, ...configuration };
  await writeFile(path.join(folder, '.vscode', 'launch.json'), `${JSON.stringify({ version: '0.2.0', configurations: [whole] }, undefined, 2)}\n`);
  return folder;
}

/** @returns the folder of the scene debian */
export function makeDebianFolder(folder: string): Promise<string> {
  if (!existsSync(KERNEL)) throw new Error(`${KERNEL} is missing: node scripts/fetch-guests.mjs fetches it`);
  return workspace(folder, { 'linux': KERNEL, 'initrd.gz': path.join(path.dirname(KERNEL), 'initrd.gz') },
    { name: INSTALLER, kernel: '${workspaceFolder}/linux', initrd: '${workspaceFolder}/initrd.gz', cmdline: 'console=ttyS0,115200n8 nomodeset' });
}

/** @returns the folder of the scene disk */
export function makeDiskFolder(folder: string): Promise<string> {
  if (!existsSync(DISK_FILE)) throw new Error(`${DISK_FILE} is missing: node scripts/fetch-test-guests.mjs ${diskWord('amd64')} makes it`);
  return workspace(folder, { [IMAGE]: DISK_FILE }, { name: DISK, disks: [`\${workspaceFolder}/${IMAGE}`] });
}

export async function debian(page: Page, camera: Camera): Promise<void> {
  await startDebugging(page, INSTALLER);
  await waitForStopped(page, SLOW_MS);
  await camera.step(() => startProfile(page));
  await page.keyboard.press('F5');
  await waitForRunning(page);
  await waitForTerminal(page, /Run \/init as init|Select a language/, BOOT_MS);
  await page.keyboard.press('F6');
  await waitForStopped(page, SLOW_MS);
  for (const part of [window, pageTables, physicalMemory, profile, translations, devices, linux]) await camera.step(() => part(page, camera));
  await stopDebugging(page);
}

export async function disk(page: Page, camera: Camera): Promise<void> {
  await startDebugging(page, DISK);
  await waitForStopped(page, SLOW_MS);
  await page.keyboard.press('F5');
  await waitForRunning(page);
  for (const part of [screen, disks, imageEditor]) await camera.step(() => part(page, camera));
  await stopDebugging(page);
}

async function startProfile(page: Page): Promise<void> {
  await runCommand(page, 'Shadowbox: Show Translations');
  const translations = await panelFrame(page, 'Translations');
  await translations.locator('[data-tab=profile]').click();
  await translations.locator('[data-profile=start]').click();
  await runCommand(page, 'View: Focus First Editor Group');
}

async function window(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'Shadowbox: Show Page Tables');
  await (await panelFrame(page, 'Page Tables')).locator('.row.table').first().waitFor();
  await camera.window('debian');
}

async function pageTables(_page: Page, camera: Camera): Promise<void> {
  await camera.panel('page-tables', 'Page Tables', { width: 1100, height: 700 }, async (panel) => {
    await panel.locator('.row.table').first().waitFor();
    await panel.locator('[data-picker]').click();
    await panel.locator('[data-space]').first().waitFor();
  });
}

async function physicalMemory(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'Shadowbox: Show Physical Memory');
  await camera.panel('physical-memory', 'Physical Memory', { width: 1000, height: 680 }, async (panel) => {
    await panel.locator('.legend .entry').first().waitFor();
  });
}

async function profile(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'Shadowbox: Show Translations');
  await camera.panel('profile', 'Translations', { width: 1000, height: 640 }, async (panel) => {
    await panel.locator('[data-tab=profile]').click();
    await panel.locator('[data-place]').first().waitFor();
  });
}

async function translations(_page: Page, camera: Camera): Promise<void> {
  await camera.panel('translations', 'Translations', { width: 1000, height: 680 }, async (panel) => {
    await panel.locator('[data-tab=regions]').click();
    await panel.locator('[data-entry]').nth(1).click();
    await panel.locator('#wasm .code').first().waitFor();
  });
}

async function devices(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'Shadowbox: Show Devices');
  await camera.panel('devices', 'Devices', { width: 1000, height: 620 }, async (panel) => {
    await panel.locator('[data-tab=interrupts]').click();
    await panel.locator('tr').filter({ hasText: 'IRQ 1' }).first().waitFor();
  });
}

/** Processes, by what the kernel's memory says of itself. */
async function linux(page: Page, camera: Camera): Promise<void> {
  await askConsole(page, 'ps', /kthreadd/);
  await toFirstLine(page);
  await camera.parts('linux', { width: 1100, height: 760 }, page.locator('.repl'));
}

/** What the kernel says while the screen is one of text still. GRUB's menu does not wait. */
async function screen(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'Shadowbox: Show Screen');
  const frame = await panelFrame(page, 'Screen');
  await frame.locator('section.unseen > div').filter({ hasText: 'ACPI: ' }).first().waitFor({ state: 'attached', timeout: BOOT_MS });
  await camera.panel('screen', 'Screen', { width: 900, height: 640 }, () => Promise.resolve());
}

async function disks(page: Page, camera: Camera): Promise<void> {
  await page.keyboard.press('F6');
  await waitForStopped(page, SLOW_MS);
  await runCommand(page, 'Shadowbox: Show Disks');
  await camera.panel('disks', 'Disks', { width: 900, height: 660 }, async (panel) => {
    await panel.locator('.file-row').first().waitFor();
  });
}

async function imageEditor(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'View: Show Explorer');
  await page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: IMAGE }).dblclick();
  await camera.panel('disk-image', IMAGE, { width: 900, height: 700 }, async (panel) => {
    await panel.locator('.file-row').first().waitFor();
  });
}
