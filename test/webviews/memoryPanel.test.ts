// The panel Physical Memory: what the map makes of the machine's answer, and the panel in a browser: keyboard, zoom, the ways to Page Tables
// and code, what has changed, accessibility. Pictures go to test-results/screenshots/.
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import { eventually } from './eventually';
import { dumpOf } from '../../webviews/physical-memory/dump';
import { FRAMES, cellsOf, changesOf, framesOf, nextKind, runAt } from '../../webviews/physical-memory/frames';
import { sizeOf } from '../../webviews/physical-memory/mapPainter';
import { INITIAL, fromKept, reduce, shownOf, toKeep, type State } from '../../webviews/physical-memory/state';
import { NOTHING_ASKED, heard, sent, type Inquiries } from '../../webviews/ui/inquiries';
import { accessibilityFaults } from '../support/accessibility';
import { frameAnswer, framesAnswer } from './memoryModel';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO, type Theme } from './themes';

/** What is known when the machine has answered. */
function answered(): Inquiries {
  return heard(sent({ ...NOTHING_ASKED, session: 'live' }, [FRAMES]), { id: 1, body: framesAnswer() });
}

const doing = (state: State, ...acts: Parameters<typeof reduce>[1][]): State => acts.reduce((now, act) => reduce(now, act, answered()), state);

describe('physical memory: the map', () => {
  it('reads the runs, and finds the one that a page is in', () => {
    const frames = framesOf(framesAnswer());
    assert.deepEqual([0, 0xf, 0x10, 0xff, 0x13f, 0x3fff].map((page) => runAt(frames, page).kind), ['RAM', 'RAM', 'untouched', 'ROM', 'code', 'untouched']);
    assert.equal(runAt(frames, 0xfffff).kind, 'nothing', 'behind the last run');
    assert.equal(frames.memoryEnd, 0x4000);
    assert.equal(frames.totals.get('table'), 0x20);
    assert.deepEqual([nextKind(frames, 0x105, true), nextKind(frames, 0x105, false), nextKind(frames, 0, false)], [0x140, 0xf0, 0]);
  });

  it('divides cells to scale', () => {
    const [first, second] = cellsOf(framesOf(framesAnswer()), 0, 0x100, 2);
    assert.deepEqual(first.parts.map(({ run, pages }) => [run.kind, pages]), [['RAM', 0x10], ['untouched', 0x90], ['device', 0x20], ['nothing', 0x30], ['ROM', 0x10]]);
    assert.deepEqual(second.parts.map(({ run, pages }) => [run.kind, pages]), [['code', 0x40], ['RAM', 0xc0]]);
  });

  it('knows which pages have become something else', () => {
    const [before, after] = [framesOf(framesAnswer(0x2420)), framesOf(framesAnswer(0x2414))];
    assert.deepEqual(changesOf(before, after), [{ first: 0x2418, end: 0x2424 }]);
    assert.deepEqual(changesOf(undefined, after), []);
  });

  it('shows all of memory, the whole space, or a part, in rows that begin at round addresses', () => {
    const room: State = { ...INITIAL, room: { columns: 128, rows: 32 } };
    const frames = framesOf(framesAnswer());
    assert.deepEqual(shownOf(room, frames), { from: 0, scale: 2, pages: 4, cells: 4096 });
    assert.equal(shownOf({ ...room, view: 'space' }, frames).pages, 256);
    const near = doing(room, { type: 'go', text: '0x401234' }, { type: 'zoom', by: 1 }, { type: 'zoom', by: 1 });
    assert.equal(near.cursor, 0x401);
    assert.equal(shownOf(near, frames).pages, 1);
    assert.equal(shownOf(near, frames).from % 128, 0);
    assert.equal(doing(near, { type: 'zoom', by: 1 }), near, 'a page is the smallest');
    assert.equal(doing(near, { type: 'move', to: 'down' }).cursor, 0x481);
    const far = doing(near, { type: 'go', text: 'fee00000' });
    const { from, pages, cells } = shownOf(far, frames);
    assert.ok(0xfee00 >= from && 0xfee00 < from + pages * cells, 'what is gone to is in view');
    assert.match(doing(near, { type: 'go', text: 'eax' }).remark, /'eax' is no physical address/);
    assert.match(doing(near, { type: 'go', text: '0x1000000000' }).remark, /end at 0xffffffff/);
  });

  it('keeps what was set up over a reload, and takes no rubbish', () => {
    const state = doing(INITIAL, { type: 'go', text: '0x401000' }, { type: 'zoom', by: 1 }, { type: 'shade', shade: 'use' }, { type: 'only', kind: 'table' });
    assert.deepEqual({ ...fromKept(JSON.parse(JSON.stringify(toKeep(state)))), room: state.room }, state);
    assert.deepEqual(fromKept({ shade: 'heat', only: 'x', cursor: -1, view: { from: 'a' } }), INITIAL);
  });

  it('lays cells out in a power of two', () => {
    assert.deepEqual([1400, 900, 600, 400, 280].map((width) => sizeOf(width, 400).columns), [64, 64, 32, 32, 16]);
    for (const width of [1400, 900, 600, 400, 280]) {
      const size = sizeOf(width, 400);
      assert.ok(94 + size.columns * size.cell + size.names <= width, `${width}`);
    }
  });

  it('dumps bytes, lines alike as one', () => {
    const bytes = new Uint8Array(0x40);
    bytes.set([0x48, 0x69, 1], 0);
    assert.deepEqual(dumpOf(bytes, 0x1000, 8).map(({ text }) => text), [
      '00001000  48 69 01 00 00 00 00 00  00 00 00 00 00 00 00 00  Hi..............',
      '00001010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  ................',
      '*',
      '00001030  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  ................',
    ]);
  });

  it('knows of each line of a dump which bytes it stands for, of those left out too', () => {
    assert.deepEqual(dumpOf(new Uint8Array(0x60), 0x2000, 8).map(({ address, bytes }) => [address, bytes]), [[0x2000, 16], [0x2010, 0x40], [0x2050, 16]]);
  });
});

describe('physical memory: in a browser', function () {
  this.timeout(40_000);
  const show = usePanel('physical-memory', '#map');

  async function withMemory(theme: Theme, body: (panel: OpenPanel, grow: (heap: number) => void) => Promise<void>, kept?: unknown): Promise<void> {
    let heap = 0x2420;
    const ask = (request: string, args: object): unknown => {
      if (request === 'shadowbox.summary') return { running: false, retired: 123456, time: 1, memoryBytes: 1 << 26, frames: 9000 };
      if (request === 'shadowbox.frames') return framesAnswer(heap);
      if (request === 'shadowbox.frame') return frameAnswer('page' in args ? Number(args.page) : 0);
      if (request === 'shadowbox.processes') return { system: 'Linux 6.1', processes: [{ pid: 412, parent: 1, state: 'R', name: 'bash', cr3: 0x401000, current: false }] };
      return {};
    };
    await show({ ask, theme, kept, size: { width: 1200, height: 900 } }, (panel) => body(panel, (to) => { heap = to; }));
  }

  it('is gone through by keyboard: addresses, zoom, kinds, and what is in the page', () => withMemory(DARK, async (panel) => {
    const { page } = panel;
    await page.focus('#map');
    await page.keyboard.press('/');
    await page.keyboard.type('0x100000');
    await page.keyboard.press('Enter');
    const here = page.locator('#here');
    await here.filter({ hasText: /^0x00100000 to 0x0010[0-9a-f]fff, RAM: \d+ KiB Code$/ }).waitFor();
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.id), 'map'); });
    for (let i = 0; i < 8; i++) await page.keyboard.press('+');
    await here.filter({ hasText: '0x00100000, RAM: Code, recent' }).waitFor();
    await page.keyboard.press(']');
    await here.filter({ hasText: '0x00140000, RAM: RAM, written lately, written since the last snapshot' }).waitFor();
    await page.keyboard.press('[');
    await page.locator('.detail h2').filter({ hasText: 'Page 0x00100000: Code' }).waitFor();
    const detail = await page.locator('.detail').innerText();
    assert.match(detail, /in machine frame 12345/);
    assert.match(detail, /CR3 00401000 bash \(412\)/);
    assert.match(detail, /user, read only, execute/);
    assert.match(detail, /Hello from the k\n.*ernel/);
    await page.keyboard.press('w');
    await page.keyboard.press('c');
    await page.locator('button[data-page="1281"]').click();
    await here.filter({ hasText: '0x00501000' }).waitFor();
    assert.deepEqual(panel.asked.filter(({ request }) => request.startsWith('editor.')), [
      { request: 'editor.showInPageTables', arguments: { linear: '0xc0100000' } }, { request: 'editor.openCode', arguments: { linear: '0xc0100000' } },
    ]);
  }));

  it('says everything in the person\'s language', () => withMemory(PSEUDO, async (panel) => {
    for (const shade of ['use', 'written', 'kind']) {
      await panel.page.locator('[data-field=shade]').selectOption(shade);
      await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
    }
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
  }));

  it('is gone through by mouse: a click chooses, a wheel goes on', () => withMemory(DARK, async ({ page }) => {
    const box = await page.locator('#map canvas').boundingBox();
    assert.ok(box);
    await page.mouse.click(box.x + 94 + 3, box.y + 10);
    await page.locator('#here').filter({ hasText: /^0x00000000/ }).waitFor();
    await page.locator('[data-zoom=in]').click();
    await page.locator('[data-zoom=in]').click();
    await page.mouse.move(box.x + 300, box.y + 100);
    await page.mouse.wheel(0, 200);
    await page.mouse.click(box.x + 94 + 3, box.y + 10);
    await page.locator('#here').filter({ hasNotText: /^0x00000000/ }).waitFor();
  }));

  it('says how many pages have become something else since the last stop', () => withMemory(DARK, async (panel, grow) => {
    await panel.tell('stopped', {});
    await panel.page.waitForTimeout(150);
    grow(0x3420);
    await panel.tell('stopped', {});
    await panel.page.locator('.changes').filter({ hasText: /[\d\u202f]+ pages of another kind since the last stop/ }).waitFor();
    await screenshot(panel.page, 'physical-memory-changed');
  }));

  it('paints to scale: a kind that is chosen stands out, and nothing asks while nothing changes', () => withMemory(DARK, async (panel) => {
    const { page } = panel;
    const inked = (): Promise<number> => page.evaluate(() => {
      const canvas = document.querySelector('canvas');
      const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      let sum = 0;
      for (let i = 3; i < data.length; i += 4) sum += data[i];
      return sum;
    });
    await page.waitForTimeout(200);
    const all = await inked();
    assert.ok(all > 100_000);
    await page.locator('[data-only=table]').click();
    await page.waitForTimeout(200);
    await eventually(async () => { assert.ok(await inked() < all * 0.7, 'the other kinds are dim'); });
    const { length } = panel.asked;
    await page.waitForTimeout(600);
    assert.equal(panel.asked.length, length);
  }));

  for (const [name, theme] of [['dark', DARK], ['light', LIGHT], ['high-contrast', HIGH_CONTRAST]] as const) {
    it(`breaks no rule of accessibility, and looks as it should: ${name}`, () => withMemory(theme, async ({ page }) => {
      await page.locator('.detail h2').waitFor();
      await page.locator('.dump').waitFor();
      await page.waitForTimeout(200);
      await screenshot(page, `physical-memory-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.selectOption('[data-field=shade]', 'use');
      await page.waitForTimeout(200);
      await screenshot(page, `physical-memory-use-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
    }, { shade: 'kind', cursor: 0x400, view: 'memory' }));
  }

  it('says of each line of the dump what its context menu is about', () => withMemory(DARK, async ({ page }) => {
    const line = page.locator('.dump > span').first();
    await line.waitFor();
    assert.deepEqual(JSON.parse(await line.getAttribute('data-vscode-context') ?? ''), { webviewSection: 'shadowbox.memory', reference: 'phys:0x00400000', bytes: 16 });
    assert.deepEqual(JSON.parse(await page.locator('.detail').getAttribute('data-vscode-context') ?? ''), { webviewSection: 'shadowbox.memory', reference: 'phys:0x00400000', bytes: 4096 });
  }, { shade: 'kind', cursor: 0x400, view: 'memory' }));

  it('leads the keyboard from line to line of the dump, for the menu of each', () => withMemory(DARK, async ({ page }) => {
    const lines = page.locator('.dump > span');
    await lines.nth(1).waitFor();
    const hasFocus = (line: Locator): Promise<boolean> => line.evaluate((element) => element === document.activeElement);
    await page.focus('.dump');
    await page.keyboard.press('ArrowDown');
    await eventually(async () => { assert.ok(await hasFocus(lines.nth(0))); });
    await page.keyboard.press('ArrowDown');
    await eventually(async () => { assert.ok(await hasFocus(lines.nth(1))); });
    await page.evaluate(() => {
      window.addEventListener('contextmenu', (event) => { if (event.target instanceof HTMLElement) document.body.dataset.menu = event.target.dataset.vscodeContext; });
    });
    await page.keyboard.press('Shift+F10');
    await eventually(async () => { assert.equal(await page.evaluate(() => document.body.dataset.menu), await lines.nth(1).getAttribute('data-vscode-context')); });
    await page.keyboard.press('ArrowUp');
    await eventually(async () => { assert.ok(await hasFocus(lines.nth(0))); });
    await page.keyboard.press('Escape');
    await page.locator('#map:focus').waitFor();
  }, { shade: 'kind', cursor: 0x400, view: 'memory' }));

  it('has letters in large cells, and fits widths from 280 to 1600 px', () => withMemory(LIGHT, async ({ page }) => {
    await screenshot(page, 'physical-memory-pages');
    for (const width of [280, 400, 640, 900, 1600]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(120);
      const wide = await page.evaluate(() => [...document.querySelectorAll('#map, .toolbar, .legend, .detail, .scale')].filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.className));
      assert.deepEqual(wide, [], `at ${width} px`);
      if (width === 400) await screenshot(page, 'physical-memory-400');
    }
  }, { shade: 'kind', cursor: 0x402, view: { from: 0x380, scale: 0 } }));

  it('shows pages that a balloon has taken as a kind of their own, in the map, the legend and the page', () => withMemory(DARK, async ({ page }) => {
    await page.locator('.detail h2').filter({ hasText: 'Page 0x03400000: Ballooned' }).waitFor();
    assert.match(await page.locator('.detail .story').innerText(), /Given back by the guest through its balloon and not written since/);
    assert.equal(await page.locator('[data-only=ballooned]').innerText(), 'b\nBallooned\n8 MiB');
    assert.match(await page.locator('.legend').innerText(), /Given back by the balloon since power-on: 2.304 pages/);
    await page.locator('[data-only=ballooned]').press('Enter');
    await page.locator('[data-only=ballooned][aria-pressed=true]').waitFor();
    await screenshot(page, 'physical-memory-ballooned');
  }, { shade: 'kind', cursor: 0x3400, view: 'memory' }));

  it('asks the guest to do with less memory, by the size that is typed', () => withMemory(DARK, async ({ page, asked }) => {
    const field = page.getByLabel('Guest memory');
    assert.equal(await field.inputValue(), '56');
    assert.match(await page.locator('[data-form=balloon]').innerText(), /of 64 MiB/);
    const orders = (): readonly unknown[] => asked.filter(({ request }) => request === 'shadowbox.balloon').map((order) => order.arguments);
    await field.fill('65');
    await field.press('Enter');
    await field.fill('48');
    await field.press('Enter');
    await eventually(async () => { assert.deepEqual(orders(), [{ memory: 48 * 2 ** 20 }], 'and for no more than there is'); });
    await page.locator('#map:focus').waitFor();
  }));
});
