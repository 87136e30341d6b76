// The panel Page Tables on a Linux with a hundred processes: the list of spaces is searched, the parts of the space are found, and an
// update is quick. Pictures go to test-results/screenshots/.
import assert from 'node:assert/strict';
import { eventually } from './eventually';
import { accessibilityFaults } from '../support/accessibility';
import { answer, type FakeMachine } from './fakeHost';
import { busyLinux } from './kernels';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { BIT } from './pagingModel';
import { DARK, HIGH_CONTRAST, LIGHT, type Theme } from './themes';

const SPACES = 100;
const UPDATES = 20;

describe('page-tables: a Linux with a hundred processes', function () {
  this.timeout(60_000);
  const show = usePanel('page-tables');

  async function withPanel(theme: Theme, body: (panel: OpenPanel, machine: FakeMachine) => Promise<void>): Promise<void> {
    const { model, processes } = busyLinux(SPACES);
    const machine: FakeMachine = { model, running: false, retired: 987_654_321, linux: { system: 'Linux 6.12.43', processes } };
    await show({ theme, ask: (request, args) => (request.startsWith('editor.') ? {} : answer(machine, request, args)) }, async (panel) => {
      await panel.page.locator('[role=row]').filter({ hasText: 'PML4 table' }).first().waitFor();
      await body(panel, machine);
    });
  }

  it('names the space by its process, and lists all of them by last use', () => withPanel(DARK, async ({ page }) => {
    await page.locator('.picked').filter({ hasText: 'systemd (1) · CR3 0000100000 · 4-level · current' }).waitFor();
    await page.click('[data-picker]');
    const rows = page.locator('[role=option]');
    await eventually(async () => { assert.equal(await rows.count(), SPACES); });
    // The model's processes have been used from the last to the first.
    await eventually(async () => { assert.match(await rows.nth(0).innerText(), /systemd \(1\)[\s\S]*current/); });
    await eventually(async () => { assert.match(await rows.nth(1).innerText(), /systemd-journal \(2\)/); });
    await screenshot(page, 'page-tables-spaces');
    assert.deepEqual(await accessibilityFaults(page), []);
  }));

  it('finds a space by name and number, by keyboard alone', () => withPanel(DARK, async ({ page }) => {
    await page.locator('.picked').filter({ hasText: 'systemd (1)' }).waitFor();
    await page.focus('[data-picker]');
    await page.keyboard.press('Enter');
    await page.keyboard.type('bash 27');
    await eventually(async () => { assert.deepEqual((await page.locator('[role=option] .owner').allInnerTexts()), ['bash (27)']); });
    await page.keyboard.press('Enter');
    await page.locator('.picked').filter({ hasText: 'bash (27)' }).waitFor();
    const closed = async (): Promise<void> => {
      await eventually(async () => { assert.equal(await page.locator('[role=listbox]').count(), 0); });
      await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-picker')), 'toggle'); });
    };
    await closed();
    await eventually(async () => { assert.equal(await page.isChecked('[data-field=follow]'), false); });
    // Arrow keys, and away without a choice.
    await page.keyboard.press('ArrowDown');
    await page.keyboard.type('sshd');
    await page.keyboard.press('ArrowDown');
    await page.locator('[role=option].active').filter({ hasText: 'sshd (16)' }).waitFor();
    await page.keyboard.press('Escape');
    await closed();
    await page.locator('.picked').filter({ hasText: 'bash (27)' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.type('no such thing');
    await page.getByText('No address space is like that').waitFor();
  }));

  it('has the cursor in the filter before the next key can come', () => withPanel(DARK, async ({ page }) => {
    await page.locator('.picked').filter({ hasText: 'systemd (1)' }).waitFor();
    const focused = await page.evaluate(() => {
      document.querySelector('[data-picker]')?.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }));
      return document.activeElement?.getAttribute('data-field');
    });
    assert.equal(focused, 'space-filter');
  }));

  it('shows the parts of the space, and fills the strip with one', () => withPanel(LIGHT, async ({ page }) => {
    const parts = page.locator('.regions .region');
    await parts.filter({ hasText: 'direct map' }).waitFor();
    await eventually(async () => { assert.deepEqual(await parts.allInnerTexts(), ['user', 'direct map', 'vmalloc', 'vmemmap', 'CPU entry', 'kernel text', 'modules']); });
    await screenshot(page, 'page-tables-regions');
    await parts.filter({ hasText: 'modules' }).click();
    await page.locator('.region.here').filter({ hasText: 'modules' }).waitFor();
    await eventually(async () => { assert.equal(await page.locator('.region.here').count(), 1); });
    // 2 GiB in eight marks: the least power of two that the 1.5 GiB for modules fit into.
    await page.locator('.scale').filter({ hasText: '256 MiB' }).waitFor();
    await screenshot(page, 'page-tables-region-modules');
  }));

  it('zooms until a page is as wide as a mark', () => withPanel(HIGH_CONTRAST, async ({ page }) => {
    await page.locator('.regions .region').filter({ hasText: 'modules' }).click();
    for (let i = 0; i < 30; i++) await page.click('[data-zoom=in]');
    await page.locator('.scale').filter({ hasText: '4 KiB' }).waitFor();
    // In the middle of the modules' part none is loaded: nothing is drawn as mapped.
    await eventually(async () => { assert.equal(await page.locator('.piece').count(), 0); });
    await screenshot(page, 'page-tables-zoomed');
  }));

  it('zooms by keys alone from all of 2^48 bytes to a page, shows it in the trees, and all of the space again', () => withPanel(DARK, async ({ page }) => {
    const scale = async (words: string): Promise<void> => { await page.locator('.scale').filter({ hasText: words }).waitFor(); };
    const strip = page.locator('[data-strip]');
    await strip.waitFor();
    await scale('32 TiB');
    await strip.focus();
    const words = async (): Promise<string> => await strip.getAttribute('aria-valuetext') ?? '';
    const step = async (to: RegExp): Promise<void> => {
      await page.keyboard.press('ArrowRight');
      await eventually(async () => { assert.match(await words(), to); });
    };
    // From afar it is known that a table is there, for the program's part.
    await step(/^00005555 40000000 to 00005555 7fffffff: guest mapped, .*user$/);
    for (let presses = 0; presses < 20; presses++) await page.keyboard.press('+');
    await scale('4 KiB');
    // From near it turns out what is in it: nothing here; then a table that maps 60 pages, 24 of which the shadow has.
    await eventually(async () => { assert.match(await words(), /: not mapped, user$/); });
    await step(/^00005555 55400000: not mapped, user$/);
    await step(/^00005555 55554000 to 00005555 5556bfff: guest mapped, shadow filled, user$/);
    await page.locator('.tick-label').filter({ hasText: '00005555 55554000' }).waitFor();
    await screenshot(page, 'page-tables-zoomed-by-keys');
    await page.keyboard.press('Enter');
    await page.locator('[role=row][aria-selected=true]').filter({ hasText: 'PTE 340' }).waitFor();
    await strip.focus();
    await page.keyboard.press('-');
    await scale('16 KiB');
    await page.keyboard.press('0');
    await scale('32 TiB');
  }));

  it('leads from a walked address to its code and its memory', () => withPanel(DARK, async ({ page, asked }) => {
    await page.fill('[data-field=address]', '0xffffffff81000010');
    await page.keyboard.press('Enter');
    await page.click('[data-open=code]');
    await page.click('[data-open=memory]');
    await page.waitForTimeout(50);
    assert.deepEqual(asked.filter(({ request }) => request.startsWith('editor.')).map(({ request, arguments: args }) => [request, args]), [
      ['editor.openCode', { linear: '0xffffffff81000010' }], ['editor.viewMemory', { reference: '0xffffffff81000010' }],
    ]);
    await screenshot(page, 'page-tables-open');
  }));

  it('asks for processes when spaces are new, and not at each stop', () => withPanel(DARK, async ({ page, asked, tell }) => {
    await page.locator('.picked').filter({ hasText: 'systemd (1)' }).waitFor();
    const times = () => asked.filter(({ request }) => request === 'shadowbox.processes').length;
    assert.equal(times(), 1);
    for (let i = 0; i < 3; i++) {
      await tell('stopped');
      await page.waitForTimeout(60);
    }
    assert.equal(times(), 1);
  }));

  it(`an update with ${SPACES} spaces costs little (printed)`, () => withPanel(DARK, async ({ page, tell }, machine) => {
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const seconds = async () => {
      const { metrics } = await session.send('Performance.getMetrics');
      return metrics.filter(({ name }) => ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration'].includes(name)).reduce((sum, { value }) => sum + value, 0);
    };
    await page.locator('.picked').filter({ hasText: 'systemd (1)' }).waitFor();
    for (const open of [false, true]) {
      if (open) await page.click('[data-picker]');
      await page.waitForTimeout(300);
      const before = await seconds();
      for (let i = 0; i < UPDATES; i++) {
        // Something of the picture changes each time, and all spaces with it.
        machine.retired += 1000;
        machine.model.map(machine.model.current, 0x555555600000n + BigInt(i) * 0x1000n, 0xa000000 + i * 0x1000, BIT.user);
        for (const cr3 of machine.model.spaces.slice(0, 50)) machine.model.touch(cr3, 0x555555554000n + BigInt(24 + i) * 0x1000n);
        await tell('stopped');
        await page.waitForTimeout(80);
      }
      const each = ((await seconds()) - before) / UPDATES * 1000;
      console.log(`      an update with ${SPACES} spaces, the list ${open ? 'open' : 'closed'}: ${each.toFixed(1)} ms of script, style and layout`);
      assert.ok(each > 0);
    }
    await page.getByText('bash (7)').first().waitFor();
  }));
});
