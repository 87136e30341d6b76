// The panel Descriptor Tables in a browser, over tables as the machine itself tells them: the keyboard, the words for each use, marks,
// the ways to code and Page Tables, accessibility. Pictures go to test-results/screenshots/.
import assert from 'node:assert/strict';
import { eventually } from './eventually';
import { toWire } from '../../debugger/codec';
import * as L from '../../src/monitor/cpu/layout';
import { AT, gate, HLT, PRESENT, protectedGuest, SEL, descriptor, setDescriptor, type Guest } from '../monitor/cpu/guest';
import { tablesOf } from '../monitor/inspection/tables';
import { accessibilityFaults } from '../support/accessibility';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO, type Theme } from './themes';

/** A kernel's tables: gates with symbols, a call gate, an absent segment, and DS loaded from an entry that has changed since. */
function kernel(): Guest {
  const guest = protectedGuest([HLT]);
  setDescriptor(guest, SEL.free, gate(SEL.code0, AT.code + 0x80, PRESENT | 0x6c, 2));
  setDescriptor(guest, SEL.free + 8, descriptor(0x5000, 0xfff, 0x12));
  guest.put(AT.idt + 8 * 0x41, gate(SEL.data0, 0x1000, PRESENT | 0xf));
  guest.put(AT.idt + 8 * 0x42, new Array<number>(8 * (0x100 - 0x42)).fill(0));
  return guest;
}

const makeStale = (guest: Guest): void => { setDescriptor(guest, SEL.data0, descriptor(0x5000, 0x123, PRESENT | 0x13)); };

describe('descriptors: in a browser', function () {
  this.timeout(30_000);
  const show = usePanel('descriptors', '.line.head');

  async function withPanel(theme: Theme, body: (panel: OpenPanel, guest: Guest) => Promise<void>, kept?: unknown, guest = kernel()): Promise<void> {
    const ask = (request: string): unknown => {
      if (request === 'shadowbox.summary') return { running: false, retired: 1234, time: 1, memoryBytes: 1, frames: 1 };
      if (request === 'shadowbox.descriptors') return { tables: toWire(tablesOf(guest)), names: { [`0x${(AT.handlers + 0xe0).toString(16)}`]: 'page_fault' } };
      return {};
    };
    await show({ ask, theme, kept, size: { width: 1400, height: 900 } }, (panel) => body(panel, guest));
  }

  const line = ({ page }: OpenPanel, key: string) => page.locator(`[data-line="${key}"]`);

  it('says of the selected entry what each use would come to, and why', () => withPanel(DARK, async (panel) => {
    await line(panel, 'gdt:7').click();
    const uses = panel.page.locator('.uses li');
    await eventually(async () => { assert.deepEqual(await uses.allInnerTexts(), ['✗load DS, ES, FS, GS raises #NP(0x38): it is not present', '✗load SS raises #SS(0x38): it is not present']); });
    await eventually(async () => { assert.match(await line(panel, 'gdt:7').innerText(), /not present/); });
    await line(panel, 'gdt:1').click();
    await eventually(async () => { assert.match((await uses.allInnerTexts()).join(), /JMP or CALL far works/); });
  }));

  it('says everything in the person\'s language', () => withPanel(PSEUDO, async (panel) => {
    await line(panel, 'gdt:7').click();
    await panel.page.locator('.uses li').first().waitFor();
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
  }));

  it('marks what is stale and what has changed since the last stop', () => withPanel(DARK, async (panel, guest) => {
    await panel.tell('stopped');
    makeStale(guest);
    await panel.tell('stopped');
    await panel.page.locator('[data-line="gdt:2"].changed.stale').waitFor();
    await eventually(async () => { assert.match(await line(panel, 'gdt:2').innerText(), /●≠[\s\S]*stale in .*DS/); });
    await line(panel, 'loaded:ds').click();
    await panel.page.locator('.story').filter({ hasText: 'goes on with it until the register is loaded again' }).waitFor();
    await eventually(async () => { assert.equal(await panel.page.locator('.row.changed.stale').count() >= 2, true); });
  }));

  it('is gone through by keyboard, and leads to code, Page Tables and the clipboard', () => withPanel(DARK, async (panel) => {
    const { page } = panel;
    await page.focus('#tables');
    await page.keyboard.press('/');
    await page.keyboard.type('page_fault');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.locator('.detail h2').filter({ hasText: 'IDT vector 0Eh: #PF 32-bit interrupt gate' }).waitFor();
    for (const key of ['c', 'w', 'y']) await page.keyboard.press(key);
    await page.locator('[role=status]').filter({ hasText: 'in the clipboard' }).waitFor();
    const handler = `0x${(AT.handlers + 0xe0).toString(16)}`;
    assert.deepEqual(panel.asked.filter(({ request }) => request.startsWith('editor.')), [
      { request: 'editor.openCode', arguments: { linear: handler } }, { request: 'editor.showInPageTables', arguments: { linear: handler } }, { request: 'editor.copy', arguments: { text: handler } },
    ]);
    await page.keyboard.press('/');
    await page.keyboard.press('Escape');
    await page.keyboard.press('End');
    await page.locator('.line.selected').filter({ hasText: /42–FF.*empty ×190/ }).waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await page.locator('.line.selected[aria-expanded=false]').filter({ hasText: 'IDT' }).waitFor();
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.id), 'tables'); });
  }));

  it('in real mode shows the vectors and whose they are', () => {
    const guest = kernel();
    guest.state.setU32(L.CR0, 0);
    guest.state.setU64(L.IDTR_BASE, 0n);
    guest.state.setU32(L.IDTR_LIMIT, 0x3ff);
    guest.put(0x10 * 4, [0x34, 0x12, 0x00, 0xf0]);
    return withPanel(DARK, async (panel) => {
      await panel.page.fill('[data-field=filter]', 'video services');
      await eventually(async () => { assert.match(await line(panel, 'vector:16').innerText(), /10\s+video services\s+f000:1234\s+BIOS ROM/); });
    }, undefined, guest);
  });

  it('has thousands of lines at hand, and only those in view on the page', () => {
    const guest = kernel();
    guest.state.setU32(L.GDTR_LIMIT, 0xffff);
    for (let selector = 0x100; selector < 0x8000; selector += 8) guest.map.write(0x100000 + selector, 4, 0x1234);
    guest.state.setU64(L.GDTR_BASE, 0x100000n);
    return withPanel(DARK, async ({ page }) => {
      await eventually(async () => { assert.ok(Number(await page.locator('#tables').getAttribute('aria-rowcount')) > 4000); });
      await eventually(async () => { assert.ok(await page.locator('#tables .line').count() < 80); });
      await page.focus('#tables');
      await page.keyboard.press('End');
      await page.locator('.line.selected').filter({ hasText: 'FF' }).waitFor();
    }, undefined, guest);
  });

  it('comes back after a reload as it was', () => withPanel(DARK, async (panel) => {
    await line(panel, 'head:loaded').click();
    await line(panel, 'gdt:6').click();
    await panel.page.waitForTimeout(100);
    const kept: unknown = await panel.page.evaluate('window.keptState');
    await withPanel(DARK, async (again) => {
      await eventually(async () => { assert.equal(await line(again, 'loaded:cs').count(), 0); });
      await again.page.locator('.detail h2').filter({ hasText: '32-bit call gate' }).waitFor();
    }, kept);
  }));

  it('does not jump, nor write, while answers say nothing new', () => withPanel(DARK, async (panel) => {
    const { page } = panel;
    await page.waitForTimeout(200);
    await page.evaluate(`window.writes = 0; new MutationObserver((all) => { window.writes += all.length; })
      .observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true })`);
    for (let i = 0; i < 5; i++) await panel.tell('shadowbox.changed');
    await page.waitForTimeout(300);
    assert.equal(await page.evaluate('window.writes'), 0);
  }));

  for (const [name, theme] of [['dark', DARK], ['light', LIGHT], ['high-contrast', HIGH_CONTRAST]] as const) {
    it(`breaks no rule of accessibility, and looks as it should: ${name}`, () => withPanel(theme, async (panel, guest) => {
      await panel.tell('stopped');
      makeStale(guest);
      await panel.tell('stopped');
      await panel.page.locator('.row.stale.changed').first().waitFor();
      await panel.page.focus('#tables');
      await line(panel, 'gdt:6').click();
      await screenshot(panel.page, `descriptors-${name}`);
      assert.deepEqual(await accessibilityFaults(panel.page), []);
    }));
  }

  it('fits widths from 280 to 1600 px', () => withPanel(DARK, async (panel) => {
    const { page } = panel;
    await line(panel, 'gdt:2').click();
    for (const width of [280, 400, 640, 900, 1600]) {
      await page.setViewportSize({ width, height: 800 });
      const wide = await page.evaluate(() => [...document.querySelectorAll('#tables, .line, .toolbar, .detail')].filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.className));
      assert.deepEqual(wide, [], `at ${width} px`);
      if (width === 400) await screenshot(page, 'descriptors-400');
    }
  }));
});
