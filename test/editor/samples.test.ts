// The samples in a real VS Code, with the whole machine behind them: what a person sees who presses F5.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Frame, Locator, Page } from 'playwright-core';
import { cache, samples } from '../../scripts/lib/paths.mjs';
import { leaveOut } from '../support/leaveOut';
import { useEditor } from './harness/suite';
import {
  callStack, chooseInContextMenu, chooseTheme, highlightedLine, notifications, openFile, panelFrame, reloadWindow, runCommand, screenshot, scrollTerminalToTop, startDebugging,
  stopDebugging, terminalText, toggleBreakpoint, variableRow, variableRows, waitForLine, waitForRunning, waitForStopped, waitForTerminal,
  waitUntil,
} from './harness/workbench';

const LAB = 'paging-lab: address spaces';
const HELLO = 'hello: boot sector';
const DEBIAN = 'debian-i386: installer kernel';
const DEBIAN_KERNEL = path.join(cache, 'guests', 'debian-i386', 'linux');
/** The page that two tasks of paging-lab share, copied on write (layout.h). */
const NOTEBOOK = '60000000';

/** The first line of a sample's source with this text in it, from 1. */
function lineWith(file: string, wanted: string): number {
  const at = readFileSync(path.join(samples, file), 'utf8').split('\n').findIndex((line) => line.includes(wanted));
  assert.notEqual(at, -1, `${file} has no line with '${wanted}'`);
  return at + 1;
}

const text = (panel: Frame, selector: string) => panel.locator(selector).allInnerTexts();
/** How many instructions the panel says the guest has retired. */
const retired = async (panel: Frame) => Number((await panel.locator('.retired').innerText()).replaceAll(/\D/g, ''));
/** The address spaces that the panel's list offers: what it says, CR3 in hexadecimal digits, and the key. */
async function spaces(panel: Frame): Promise<{ name: string; cr3: string; key: string }[]> {
  await panel.locator('[data-picker]').click();
  await panel.locator('[data-space]').first().waitFor();
  const listed = await panel.locator('[data-space]').evaluateAll((options) => (
    options.map((option) => ({
      name: option.getAttribute('aria-label') ?? '', cr3: /CR3 ([0-9a-f]+)/.exec(option.getAttribute('aria-label') ?? '')?.[1] ?? '', key: option.getAttribute('data-space') ?? '',
    }))
  ));
  await panel.locator('[data-field=space-filter]').press('Escape');
  return listed;
}

/** What a screen reader hears of one side of a row. */
const words = async (row: Locator, side: 'guest' | 'shadow') => await row.locator(`.cell.${side}`).getAttribute('aria-label') ?? '';
/** The row that begins at this linear address (or its first digits). */
const rowAt = (panel: Frame, linear: string) => panel.locator('.row.part').filter({ has: panel.locator('.range', { hasText: new RegExp(`^${linear}`) }) }).first();
/** The cards of the walk on one side, from CR3 to the page. */
const cards = async (panel: Frame, side: 'guest' | 'shadow') => (await text(panel, `.walk .card.${side}`)).map((card) => card.replaceAll('\n', ' '));

async function walk(panel: Frame, address: string): Promise<string> {
  await panel.locator('input[data-field=address]').fill(address);
  await panel.locator('form[data-form=walk] button').click();
  return waitForWalk(panel, address);
}

/** The panel's verdict on an address that it was asked to walk. */
async function waitForWalk(panel: Frame, address: string): Promise<string> {
  const digits = address.replace(/^0x/, '');
  await panel.locator('.walk h2').filter({ hasText: `Walk of ${digits}` }).waitFor();
  return panel.locator('.walk .verdict').innerText();
}

/** The text on the guest's screen as a screen reader has it. */
const screenText = async (screen: Frame) => (await screen.locator('section.unseen > div').allTextContents()).join('\n').trimEnd();

function waitForScreen(screen: Frame, wanted: string | RegExp): Promise<string> {
  return waitUntil(`the screen to show ${String(wanted)}`, () => screenText(screen), (shown) => (typeof wanted === 'string' ? shown.includes(wanted) : wanted.test(shown)));
}

/** Dots of the canvas that are not black. */
const litDots = (screen: Frame) => screen.locator('#canvas').evaluate((canvas) => {
  if (!(canvas instanceof HTMLCanvasElement)) return 0;
  const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
  let lit = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] > 0) lit++;
  return lit;
});

/** Presses the chord that takes the keyboard back from the guest. */
async function giveKeyboardBack(page: Page, screen: Frame): Promise<void> {
  await page.keyboard.down('Control');
  await page.keyboard.press('Alt');
  await page.keyboard.up('Control');
  await screen.locator('.where:not(.captured)').waitFor();
}

describe('the samples in a real VS Code', function () {
  this.timeout(90_000);
  // Each test goes on where the one before left the window.
  this.bail(true);
  const editor = useEditor(() => Promise.resolve({ folder: samples }));

  describe('paging-lab', () => {
    const copyLine = lineWith('paging-lab/paging.c', 'marker: copy-frame');

    it('F5 stops on the first instruction, in boot.s', async () => {
      const { page } = editor;
      await toggleBreakpoint(page, 'paging.c', copyLine);
      await startDebugging(page, LAB);
      await waitForStopped(page);
      const [top] = await callStack(page);
      assert.equal(top.name, '_start');
      assert.match(top.place, /^boot\.s \d+/);
      await waitUntil('the line of _start to be highlighted', () => highlightedLine(page), (line) => line !== undefined);
      await screenshot(page, 'paging-lab-entry');
    });

    it('F5 goes on to a breakpoint in C, with its call stack and locals', async () => {
      const { page } = editor;
      await page.keyboard.press('F5');
      await waitForLine(page, copyLine);
      const frames = await waitUntil('the call stack to follow', () => callStack(page), ({ length }) => length > 2);
      assert.deepEqual(frames.slice(0, 3).map(({ name }) => name), ['copy_on_write', 'resolve_page_fault', 'trap']);
      assert.match(frames[0].place, new RegExp(`^paging\\.c ${copyLine}\\b`));
      const rows = await waitUntil('the locals', () => variableRows(page), (seen) => seen.some((row) => row.startsWith('linear')));
      assert.match(rows.find((row) => row.startsWith('linear')) ?? '', /0x60000/);
      await screenshot(page, 'paging-lab-breakpoint');
    });

    it('F10 steps over a line', async () => {
      const { page } = editor;
      await page.keyboard.press('F10');
      await waitForLine(page, copyLine + 1);
    });

    it('shows the guest\'s words in the serial terminal', async () => {
      await waitForTerminal(editor.page, 'ping says: hello from CPL 3');
    });

    it('shows registers in a panel, and sets one', async () => {
      const { page } = editor;
      await runCommand(page, 'Shadowbox: Show Registers');
      const panel = await panelFrame(page, 'Registers');
      const eip = panel.locator('[data-row=eip]');
      await eip.filter({ hasText: 'copy_on_write+0x' }).waitFor();
      await panel.locator('[data-cell="cr0.pg"].on').waitFor();
      await panel.locator('[data-cell=ebx]').dblclick();
      await panel.locator('#edit').fill('0x12345678');
      await page.keyboard.press('Enter');
      await panel.locator('[data-cell=ebx].changed').filter({ hasText: '12345678' }).waitFor();
      // VS Code's own view of the registers follows.
      const [, old] = /was ([0-9a-f]{8})/.exec(await panel.locator('[data-cell=ebx]').getAttribute('aria-label') ?? '') ?? [];
      await panel.locator('[data-cell=ebx]').dblclick();
      await panel.locator('#edit').fill(`0x${old}`);
      await page.keyboard.press('Enter');
      await panel.locator('[data-cell=ebx]:not(.changed)').waitFor();
      await screenshot(page, 'paging-lab-registers');
    });

    it('shows the descriptor tables, and goes from a gate to its code and to Page Tables', async () => {
      const { page } = editor;
      await runCommand(page, 'Shadowbox: Show Descriptor Tables');
      const panel = await panelFrame(page, 'Descriptor Tables');
      await panel.locator('[data-line="gdt:1"]').filter({ hasText: 'code, readable, 32-bit' }).filter({ hasText: 'in CS' }).waitFor();
      await panel.locator('[data-field=filter]').fill('#PF');
      const gate = panel.locator('[data-line="idt:14"]').filter({ hasText: 'stub_14' });
      await gate.click();
      assert.deepEqual(await text(panel, '.uses li'), ['✓exception works', '✓INT 0Eh works']);
      await screenshot(page, 'paging-lab-descriptors');
      await panel.locator('[data-go=code]').click();
      await page.locator('.tab.active').filter({ hasText: /\.s$|stub_14/ }).first().waitFor();
      await screenshot(page, 'paging-lab-handler');
    });

    it('draws the guest\'s tree and its shadow, and walks an address through both', async () => {
      const { page } = editor;
      await runCommand(page, 'Shadowbox: Show Page Tables');
      const panel = await panelFrame(page, 'Page Tables');
      const head = panel.locator('.row.table').first();
      await head.waitFor();
      assert.match(await words(head, 'guest'), /^Page directory, at [0-9a-f]{8}, \d+ of 1\s?024 present, traced/);
      assert.match(await words(head, 'shadow'), /^Shadow table #\d+, in machine frame [0-9a-f]+, \d+ of 1\s?024 filled/);
      assert.match(await words(rowAt(panel, '00400000'), 'guest'), /4 MiB page/);
      // The kernel's part is the same in every address space, and so is its shadow.
      await waitUntil('the kernel\'s shadow table', () => words(rowAt(panel, '00000000'), 'shadow'), (label) => /^Shadow table #\d+.*shared by \d+/.test(label));
      const verdict = await walk(panel, `0x${NOTEBOOK}`);
      assert.match(verdict, /^Mapped to physical [0-9A-F]{8}: read-only, user\.$/);
      assert.match((await cards(panel, 'guest')).join('; '), /^(Page directory )?[0-9a-f]{8}; .*R–XU.*physical/);
      assert.match((await cards(panel, 'shadow')).join('; '), /Shadow table #\d+; .*machine frame/);
      await screenshot(page, 'paging-lab-walk');
    });

    it('draws another address space that is picked, where the same address means something else', async () => {
      const { page } = editor;
      const panel = await panelFrame(page, 'Page Tables');
      const known = await spaces(panel);
      const current = known.find(({ name }) => name.includes('current'));
      const other = known.find(({ name }) => name.includes('32-bit') && !name.includes('current'));
      assert.ok(current && other, JSON.stringify(known));
      const before = await panel.locator('.row.table .cell.guest').first().getAttribute('aria-label');
      await panel.locator('[data-picker]').click();
      await panel.locator(`[data-space="${other.key}"]`).click();
      await panel.locator('.badge').filter({ hasText: 'not current' }).waitFor();
      const after = await waitUntil('the other directory', () => words(panel.locator('.row.table').first(), 'guest'), (label) => label !== before);
      assert.ok(after.startsWith(`Page directory, at ${other.cr3}`), after);
      const elsewhere = await walk(panel, `0x${NOTEBOOK}`);
      assert.match(elsewhere, /not present|Not mapped/i);
      await screenshot(page, 'paging-lab-other-space');
      await panel.locator('input[data-field=follow]').check();
    });

    it('walks the address of a variable, and one in the source', async () => {
      const { page } = editor;
      const panel = await panelFrame(page, 'Page Tables');
      const row = variableRow(page, 'entry');
      const [, pointer] = /0x([0-9a-f]+)/.exec(await row.innerText()) ?? [];
      await chooseInContextMenu(page, row, 'Show in Page Tables');
      assert.match(await waitForWalk(panel, pointer.padStart(8, '0')), /^Mapped to physical/);
      await openFile(page, 'layout.h', lineWith('paging-lab/layout.h', '#define USER_CANVAS'));
      const number = page.locator('.view-line').getByText('0x80000000u', { exact: true });
      await number.dblclick();
      // The file has opened in the panel's group and hides it; the panel comes back in a new frame.
      await chooseInContextMenu(page, number, 'Show Selected Address in Page Tables');
      await waitForWalk(await panelFrame(page, 'Page Tables'), '80000000');
    });

    it('names the device behind an address', async () => {
      const panel = await panelFrame(editor.page, 'Page Tables');
      await walk(panel, '0x000b8000');
      assert.match((await cards(panel, 'shadow')).join('; '), /backed by device: VGA text memory/);
    });

    it('keeps both trees in view beside an open editor, however narrow the panel', async () => {
      const { page } = editor;
      const panel = await panelFrame(page, 'Page Tables');
      await walk(panel, '0x00101000');
      const wide = page.viewportSize();
      try {
        for (const width of [1000, 1200, 1600, 2000]) {
          await page.setViewportSize({ width, height: 900 });
          const end = panel.locator('.row.walked-end');
          await waitUntil(`both ends of the walk's line at ${width} px`, async () => Promise.all(['guest', 'shadow'].map(async (side) => {
            const inside = await end.locator(`.cell.${side}`).evaluate((cell) => {
              const [box, trees] = [cell, cell.closest('#trees')].map((element) => element?.getBoundingClientRect());
              return box !== undefined && trees !== undefined && box.height > 20 && box.top >= trees.top - 1 && box.bottom <= trees.bottom + 1;
            });
            return inside;
          })), (seen) => seen.every(Boolean));
          const covered = await panel.evaluate(() => {
            const [trees, band] = ['#trees', '.walk'].map((selector) => document.querySelector(selector)?.getBoundingClientRect());
            return trees === undefined || band === undefined || band.top < trees.bottom - 0.5;
          });
          assert.equal(covered, false, `the walk covers the trees at ${width} px`);
          await screenshot(page, `paging-lab-panel-${width}`);
        }
      } finally {
        if (wide !== null) await page.setViewportSize(wide);
      }
    });

    it('lets no script into the panel but its own', async () => {
      const panel = await panelFrame(editor.page, 'Page Tables');
      const ran = await panel.evaluate(() => new Promise<boolean>((resolve) => {
        const script = document.createElement('script');
        script.textContent = 'window.intruded = true';
        document.addEventListener('securitypolicyviolation', () => { resolve('intruded' in window); });
        document.body.append(script);
      }));
      assert.equal(ran, false);
    });

    it('shows the time line, goes to its beginning and back, and names a moment', async () => {
      const { page } = editor;
      await runCommand(page, 'Shadowbox: Show Time');
      const panel = await panelFrame(page, 'Time');
      await panel.locator('.where').filter({ hasText: ': the furthest moment' }).waitFor();
      await panel.locator('.snapshots .mark').first().waitFor({ state: 'attached' });
      await panel.locator('.stops .diamond').first().waitFor();
      await panel.locator('#line').focus();
      await page.keyboard.press('Home');
      await panel.locator('.where').filter({ hasText: 'in the past' }).waitFor();
      await waitUntil('the call stack at the beginning', () => callStack(page), ([top]) => top?.name === '_start');
      await screenshot(page, 'paging-lab-time-past');
      await panel.locator('#line').focus();
      await page.keyboard.press('End');
      await panel.locator('.where').filter({ hasText: ': the furthest moment' }).waitFor();
      await waitUntil('the call stack where it was', () => callStack(page), ([top]) => top?.name === 'copy_on_write');
      await panel.locator('#line').focus();
      await page.keyboard.press('b');
      await panel.locator('#name').fill('the copy');
      await page.keyboard.press('Enter');
      await panel.locator('.list .name.here').filter({ hasText: 'the copy' }).waitFor();
      await screenshot(page, 'paging-lab-time');
      await runCommand(page, 'Shadowbox: Show Page Tables');
    });

    it('keeps the panel alive while the guest runs', async () => {
      const { page } = editor;
      const panel = await panelFrame(page, 'Page Tables');
      const stoppedAt = await retired(panel);
      await runCommand(page, 'View: Focus First Editor Group');
      await toggleBreakpoint(page, 'paging.c', copyLine);
      await page.keyboard.press('F5');
      await waitForRunning(page);
      await panel.locator('.machine').getByText('running').waitFor();
      const later = await waitUntil('more instructions', () => retired(panel), (count) => count > stoppedAt);
      await waitUntil('still more instructions', () => retired(panel), (count) => count > later);
      await waitUntil('all five address spaces', () => spaces(panel), (known) => known.filter(({ name }) => name.includes('32-bit')).length >= 5);
      await waitForTerminal(page, /tick \d00/);
      await screenshot(page, 'paging-lab-running');
    });

    it('F6 pauses it; stopping leaves the terminal\'s text, and a panel that says so', async () => {
      const { page } = editor;
      const panel = await panelFrame(page, 'Page Tables');
      // VS Code opens the source of a stop in the group that has the focus, which the list of spaces gave to the panel's.
      await runCommand(page, 'View: Focus First Editor Group');
      await page.keyboard.press('F6');
      await waitForStopped(page);
      await panel.locator('.machine').getByText('stopped').waitFor();
      await panel.locator('input[data-field=follow]').uncheck();
      // The click has made the panel's group the one in which the next stop would open its source.
      await runCommand(page, 'View: Focus First Editor Group');
      await stopDebugging(page);
      assert.match(await waitForTerminal(page, 'the line is dead'), /tick \d00/);
      await panel.getByText('No guest is running').waitFor();
    });

    it('a second start uses the same terminal, with a clean screen, and the panel follows', async () => {
      const { page } = editor;
      await startDebugging(page, LAB);
      await waitForStopped(page);
      await waitUntil('a clean screen', () => terminalText(page), (shown) => shown === '');
      const panel = await panelFrame(page, 'Page Tables');
      await panel.getByText('Paging is off').first().waitFor();
      assert.equal(await panel.locator('input[data-field=follow]').isChecked(), true, 'what was unticked belonged to the session before');
    });

    it('follows the guest into paging while it runs', async () => {
      const { page } = editor;
      const panel = await panelFrame(page, 'Page Tables');
      await page.keyboard.press('F5');
      await waitForRunning(page);
      // Wherever the list stands: the walk of the session before may have scrolled it down.
      await panel.locator('.cell.guest').filter({ hasText: /Page directory|PDE|PTE/ }).first().waitFor();
      await panel.locator('.machine').getByText('running').waitFor();
      await screenshot(page, 'paging-lab-follows');
      await stopDebugging(page);
    });
  });

  describe('hello', () => {
    const greetingLine = lineWith('hello/hello.asm', 'marker: hello-greeting');

    it('F5 stops on the reset vector, with the guest\'s screen in a panel that has not taken the focus', async () => {
      const { page } = editor;
      await runCommand(page, 'View: Focus First Editor Group');
      await toggleBreakpoint(page, 'hello.asm', greetingLine);
      await startDebugging(page, HELLO);
      await waitForStopped(page);
      assert.deepEqual((await callStack(page)).map(({ name }) => name), ['f000:fff0 (reset vector)']);
      const screen = await panelFrame(page, 'Screen');
      await screen.locator('#surface').waitFor();
      await screen.locator('.machine').getByText('stopped').waitFor();
      await screenshot(page, 'hello-entry');
    });

    it('F5 goes on to a breakpoint in the boot sector', async () => {
      const { page } = editor;
      await page.keyboard.press('F5');
      await waitForLine(page, greetingLine);
      await screenshot(page, 'hello-breakpoint');
    });

    it('shows its greeting on the screen, and takes keys', async () => {
      const { page } = editor;
      await page.keyboard.press('F5');
      const screen = await panelFrame(page, 'Screen');
      await waitForScreen(screen, /Hello from the boot sector![^]*Press keys; Esc ends\./);
      assert.ok(await litDots(screen) > 500, 'the greeting is on the canvas, too');
      await screen.locator('#surface').click();
      await screen.locator('.where.captured').waitFor();
      // By their places: the guest's own layout makes letters of them.
      for (const key of ['KeyA', 'Shift+KeyA', 'Shift+Slash']) await page.keyboard.press(key);
      await waitForScreen(screen, /Key: a {2}scan code 0x1E\nKey: A {2}scan code 0x1E\nKey: \? {2}scan code 0x35$/);
      await page.keyboard.press('ArrowUp');
      await waitForScreen(screen, /Key: \. {2}scan code 0x48$/);
      await screenshot(page, 'hello-screen');
      await giveKeyboardBack(page, screen);
    });

    it('types a text into the guest, and copies its screen to the clipboard', async () => {
      const { page } = editor;
      const screen = await panelFrame(page, 'Screen');
      await screen.locator('[data-act=type]').click();
      await screen.locator('textarea').fill('xy');
      await screen.locator('form button[type=submit]').click();
      await waitForScreen(screen, /Key: x {2}scan code 0x2D\nKey: y {2}scan code 0x15$/);
      await screen.locator('[data-act=close-form]').click();
      await screen.locator('[data-act=copy]').click();
      await screen.locator('.message').getByText('Copied the screen\'s text.').waitFor();
    });

    it('shows the devices: registers, interrupt lines, events ahead, the PCI bus', async () => {
      const { page } = editor;
      await runCommand(page, 'Shadowbox: Show Devices');
      const devices = await panelFrame(page, 'Devices');
      await devices.locator('#tree').waitFor();
      await devices.locator('[data-field=filter]').fill('interrupt mask');
      await devices.locator('.row.register').first().waitFor();
      await screenshot(page, 'hello-devices');
      await devices.locator('[data-tab=interrupts]').click();
      await devices.locator('tr').filter({ hasText: 'IRQ 1' }).filter({ hasText: 'keyboard' }).first().waitFor();
      await screenshot(page, 'hello-interrupts');
      await devices.locator('[data-tab=pci]').click();
      await devices.locator('tr').filter({ hasText: '8086:1237' }).filter({ hasText: 'host bridge' }).waitFor();
      await screenshot(page, 'hello-pci');
      await devices.locator('[data-tab=events]').click();
      await devices.locator('tr').filter({ hasText: 'pit' }).waitFor();
      await screenshot(page, 'hello-events');
      await devices.locator('[data-tab=registers]').click();
    });

    for (const [name, theme] of [['dark', 'Dark 2026'], ['high-contrast', 'Dark High Contrast']] as const) {
      it(`looks as it should: ${name}`, async () => {
        const { page } = editor;
        await chooseTheme(page, theme);
        const devices = await panelFrame(page, 'Devices');
        await devices.locator('.row.register').first().waitFor();
        await screenshot(page, `hello-devices-${name}`);
        await runCommand(page, 'Shadowbox: Show Screen');
        await (await panelFrame(page, 'Screen')).locator('#surface').waitFor();
        await screenshot(page, `hello-screen-${name}`);
        await runCommand(page, 'Shadowbox: Show Devices');
      });
    }

    it('Esc ends it; a screen that is dark stays to be read', async () => {
      const { page } = editor;
      await chooseTheme(page, 'Light 2026');
      await runCommand(page, 'Shadowbox: Show Screen');
      const screen = await panelFrame(page, 'Screen');
      await screen.locator('#surface').focus();
      // A notification would take the Escape key.
      assert.deepEqual(await notifications(page), []);
      await page.keyboard.press('Enter');
      await screen.locator('.where.captured').waitFor();
      await page.keyboard.press('Escape');
      await waitForScreen(screen, 'Goodbye. The machine rests now.');
      await giveKeyboardBack(page, screen);
      await runCommand(page, 'View: Focus First Editor Group');
      await stopDebugging(page);
      await screen.getByText('its screen is dark').waitFor();
      assert.ok(await litDots(screen) > 500, 'the last picture is still there');
    });
  });

  describe('the window, loaded anew', () => {
    it('has the panels again', async () => {
      const { page } = editor;
      await reloadWindow(page);
      // Which of them is in front hangs on which was shown last. One that is behind another is loaded when it is brought to the front.
      for (const title of ['Devices', 'Screen', 'Page Tables']) {
        await page.locator('.tab').filter({ hasText: title }).click({ timeout: 60_000 });
        await (await panelFrame(page, title, 60_000)).getByText('No guest is running').waitFor();
      }
    });
  });

  describe('debian-i386', () => {
    before(function () {
      if (!existsSync(DEBIAN_KERNEL)) leaveOut(this, 'the installer kernel is not in the cache (node scripts/fetch-guests.mjs fetches it)');
    });

    it('F5 boots an unmodified kernel, whose first lines come in the serial terminal', async () => {
      const { page } = editor;
      await startDebugging(page, DEBIAN);
      await waitForStopped(page);
      await page.keyboard.press('F5');
      await waitForTerminal(page, /\[ +\d+\.\d+\]/, 80_000);
      // The kernel writes faster than one reads: what it said first is looked up again until it stays in view.
      const top = async (): Promise<string> => {
        await scrollTerminalToTop(page);
        return terminalText(page);
      };
      await waitUntil("the terminal's first lines", top, (seen) => /Linux version 6\.\d+/.test(seen), 60_000);
      await screenshot(page, 'debian-boots');
    });

    it('F6 pauses it, and the panel draws Linux\'s own tables', async () => {
      const { page } = editor;
      await page.keyboard.press('F6');
      await waitForStopped(page);
      const panel = await panelFrame(page, 'Page Tables');
      // Linux maps all of its memory from C0000000 on.
      const kernel = await waitUntil('the map of memory', () => words(rowAt(panel, 'c0'), 'guest'), (label) => label !== '');
      assert.match(kernel, /supervisor only/);
      await screenshot(page, 'debian-paused');
    });

    it('draws the shadow that runs it, too', async () => {
      const panel = await panelFrame(editor.page, 'Page Tables');
      const shadow = await words(panel.locator('.row.table').first(), 'shadow');
      assert.match(shadow, /^Shadow table #\d+, .* filled/);
    });
  });
});
