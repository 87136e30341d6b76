// The bundled panel in a browser: its policy holds, rows open, an address is walked, the keyboard does it all, and the page
// is left alone while nothing changes. Pictures go to test-results/screenshots/.
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';
import { eventually } from './eventually';
import { answer, type FakeMachine } from './fakeHost';
import { labKernel, linuxKernel } from './kernels';
import { BIT } from './pagingModel';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO, type Theme } from './themes';
import { accessibilityFaults } from '../support/accessibility';

const asking = (machine: FakeMachine) => (request: string, args: object) => answer(machine, request, args);

describe('page-tables: in a browser', function () {
  this.timeout(30_000);
  const show = usePanel('page-tables');

  /** Opens the panel on the lab kernel, runs `body`, and sees to it that nothing has complained. */
  async function withPanel(theme: Theme, body: (panel: OpenPanel, lab: ReturnType<typeof machine>) => Promise<void>, kept?: unknown): Promise<void> {
    const lab = machine();
    await show({ ask: asking(lab), theme, kept }, (panel) => body(panel, lab));
  }

  const machine = () => {
    const kernel = labKernel();
    return { kernel, model: kernel.model, running: false, retired: 12_345_678 };
  };
  const rowOf = ({ page }: OpenPanel, text: string) => page.locator('[role=row]').filter({ hasText: text });

  it('draws both trees, and opens a table by mouse', () => withPanel(DARK, async (panel) => {
    await rowOf(panel, 'Page directory').filter({ hasText: 'Shadow table #' }).waitFor();
    const heap = rowOf(panel, '50000000–503fffff');
    await heap.locator('[data-toggle]').click();
    await rowOf(panel, '24 of 1\u202f024 present').filter({ hasText: '14 of 1\u202f024 filled' }).waitFor();
    await eventually(async () => { assert.equal(await heap.getAttribute('aria-expanded'), 'true'); });
    await eventually(async () => { assert.match(await rowOf(panel, '5000e000').textContent() ?? '', /×10.*10 entries not yet filled/); });
    await eventually(async () => { assert.ok(await panel.page.locator('svg.lines g.line').count() > 8, 'derivation lines'); });
  }));

  it('highlights both ends of a line', () => withPanel(DARK, async (panel) => {
    await rowOf(panel, '00400000–007fffff').locator('[data-toggle]').click();
    const piece = rowOf(panel, '00407000–00407fff');
    await piece.hover();
    await panel.page.locator('[role=row].lit').filter({ hasText: 'PDE 1' }).waitFor();
    await eventually(async () => { assert.match(await piece.getAttribute('class') ?? '', /\blit\b/); });
    await screenshot(panel.page, 'page-tables-derivation');
  }));

  it('unfolds a walk level by level where motion is wanted, and comes to its end; at once where it is not', () => withPanel(DARK, async (panel) => {
    const { page } = panel;
    await rowOf(panel, 'Page directory').waitFor();
    // By events, because a machine that has much to do may look when all is over.
    await page.evaluate(() => {
      for (const type of ['animationstart', 'animationend', 'animationcancel']) {
        document.addEventListener(type, (event) => {
          if (event instanceof AnimationEvent && event.animationName === 'unfold') document.body.setAttribute(`data-${type}`, String(Number(document.body.getAttribute(`data-${type}`)) + 1));
        });
      }
    });
    const count = async (type: string) => Number(await page.locator('body').getAttribute(`data-${type}`));
    const walk = async (address: string): Promise<void> => {
      await page.fill('[data-field=address]', `0x${address}`);
      await page.locator('[data-form=walk] button').click();
      await page.locator('.walk-title').filter({ hasText: address }).waitFor();
    };
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    await walk('50000000');
    await page.locator('.walk .verdict').waitFor();
    const steps = await page.locator('.step').count();
    await eventually(async () => { assert.ok(await count('animationstart') >= steps && steps > 1, `${await count('animationstart')} of ${steps} steps`); });
    await eventually(async () => { assert.equal(await count('animationend') + await count('animationcancel'), await count('animationstart')); });
    assert.ok(await count('animationend') >= steps, 'they come to their end');
    assert.deepEqual(await page.locator('.step').evaluateAll((all) => all.map((step) => getComputedStyle(step).opacity)), new Array<string>(steps).fill('1'));
    // One level after the other, each with the arrow that leads to it.
    const delays = (selector: string) => page.locator(selector).evaluateAll((all) => all.map((element) => parseFloat(getComputedStyle(element).animationDelay)));
    const ofSteps = await delays('.step');
    assert.ok(ofSteps.every((delay, at) => at === 0 || delay > ofSteps[at - 1]), ofSteps.join());
    assert.deepEqual(await delays('.joint'), ofSteps.slice(1));
    const before = await count('animationstart');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await walk('00407000');
    await page.locator('.walk .verdict').waitFor();
    assert.deepEqual(new Set(await page.locator('.step, .joint').evaluateAll((all) => all.map((element) => getComputedStyle(element).animationName))), new Set(['none']));
    assert.equal(await count('animationstart'), before, 'and not at all where it is not');
  }));

  it('does it all by keyboard: address, walk, steps, trees', () => withPanel(DARK, async (panel) => {
    const { page } = panel;
    await rowOf(panel, 'Page directory').waitFor();
    await page.focus('#trees');
    await page.keyboard.press('/');
    await page.keyboard.type('heap + 4');
    await page.keyboard.press('Enter');
    await page.locator('.step.chosen').filter({ hasText: 'Page offset 004' }).waitFor();
    await page.locator('[role=row].walked-end').filter({ hasText: '50000000' }).waitFor();
    await page.focus('#chain');
    await page.keyboard.press('ArrowLeft');
    await page.locator('.step.chosen').filter({ hasText: 'PTE 0' }).waitFor();
    await page.locator('table.entry-bits').waitFor();
    await page.keyboard.press('Home');
    await page.locator('.step.chosen').filter({ hasText: 'CR3' }).waitFor();
    await page.focus('#trees');
    await page.keyboard.press('End');
    await page.locator('[role=row][aria-selected=true]').filter({ hasText: 'c0000000' }).waitFor();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.locator('[role=row][aria-expanded=true]').filter({ hasText: 'PDE 0' }).waitFor();
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.id), 'trees'); });
    await page.keyboard.press('Enter');
    await page.locator('.walk-title').filter({ hasText: 'Walk of 00000000' }).waitFor();
  }));

  describe('has a menu on its rows', () => {
    const contextOf = async (row: Locator): Promise<unknown> => JSON.parse(await row.getAttribute('data-vscode-context') ?? '{}');
    /** Keeps what VS Code would hear of a menu: what it is about, and where it is to be. */
    const hearMenus = (page: Page): Promise<void> => page.evaluate(() => {
      window.addEventListener('contextmenu', (event) => {
        if (event.defaultPrevented || !(event.target instanceof Element)) return;
        event.preventDefault();
        document.body.dataset.menu = event.target.closest('[data-row]')?.id ?? 'none';
        document.body.dataset.menuTop = String(event.clientY);
      });
    });

    it('about entries and what they map, a table, and what is not there', () => withPanel(DARK, async (panel) => {
      const heap = rowOf(panel, '50000000–503fffff');
      await heap.waitFor();
      // PDE 320 of the directory at 401000h; it leads to a table of 4 KiB.
      const pointer = await contextOf(heap) as Readonly<Record<string, unknown>>;
      assert.deepEqual({ ...pointer, reference: '' }, { webviewSection: 'shadowbox.row.mapped', linear: '0x50000000', reference: '', bytes: 4096, entry: 'phys:0x401500', entryBytes: 4 });
      const table = String(pointer.reference);
      await heap.locator('[data-toggle]').click();
      const head = rowOf(panel, '24 of 1\u202f024 present');
      assert.deepEqual(await contextOf(head), { webviewSection: 'shadowbox.memory', reference: table, bytes: 4096 });
      const absent = rowOf(panel, '50018000');
      assert.deepEqual(await contextOf(absent), {
        webviewSection: 'shadowbox.row.absent', linear: '0x50018000', entry: `phys:0x${(Number(table.slice(5)) + 24 * 4).toString(16)}`, entryBytes: 1000 * 4,
      });
    }));

    it('about pieces of a large page, which have no entry of their own', () => withPanel(DARK, async (panel) => {
      await rowOf(panel, '00400000–007fffff').locator('[data-toggle]').click();
      assert.deepEqual(await contextOf(rowOf(panel, '00407000–00407fff')), { webviewSection: 'shadowbox.row.piece', linear: '0x407000', reference: 'phys:0x407000', bytes: 4096 });
    }));

    it('that a key opens on the marked row, and the mouse on the row under it', () => withPanel(DARK, async (panel) => {
      const { page } = panel;
      const heap = rowOf(panel, '50000000–503fffff');
      await heap.waitFor();
      await hearMenus(page);
      await heap.click({ button: 'right' });
      await page.locator('[role=row][aria-selected=true]').filter({ hasText: '50000000–503fffff' }).waitFor();
      const told = (name: 'menu' | 'menuTop') => page.evaluate((of) => document.body.dataset[of], name);
      await eventually(async () => { assert.equal(await told('menu'), await heap.getAttribute('id')); });
      await page.focus('#trees');
      await page.keyboard.press('ArrowDown');
      const marked = page.locator('[role=row][aria-selected=true]');
      await marked.filter({ hasNotText: '50000000–503fffff' }).waitFor();
      await page.keyboard.press('Shift+F10');
      await eventually(async () => { assert.equal(await told('menu'), await marked.getAttribute('id')); });
      const box = await marked.boundingBox();
      assert.equal(Math.round(Number(await told('menuTop'))), Math.round((box?.y ?? 0) + (box?.height ?? 0)), 'it opens below the row');
    }));
  });

  it('writes nothing to the page when an answer says nothing new, and keeps focus and scroll when it does', () => withPanel(DARK, async (panel, lab) => {
    const { page } = panel;
    await rowOf(panel, 'Page directory').waitFor();
    await page.focus('#trees');
    await page.keyboard.press('*');
    await rowOf(panel, '00100000–00103fff').waitFor();
    await page.locator('#trees').evaluate((scroller) => { scroller.scrollTop = 200; });
    await page.waitForFunction(() => document.querySelectorAll('.note-loading').length === 0);
    await page.waitForTimeout(200);
    await page.evaluate(`window.writes = 0; new MutationObserver((all) => { window.writes += all.length; })
      .observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true })`);
    const asked = panel.asked.length;
    for (let i = 0; i < 5; i++) await panel.tell('shadowbox.changed');
    await page.waitForTimeout(300);
    assert.ok(panel.asked.length > asked, 'it asked anew');
    assert.equal(await page.evaluate('window.writes'), 0);
    lab.model.map(lab.kernel.sweeper, 0x2000n, 0x9000, BIT.writable);
    await panel.tell('stopped');
    await page.waitForFunction(() => Number(Reflect.get(window, 'writes')) > 0);
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.id), 'trees'); });
    await eventually(async () => { assert.equal(await page.locator('#trees').evaluate((scroller) => scroller.scrollTop), 200); });
  }));

  it('says everything in the person\'s language', () => withPanel(PSEUDO, async (panel) => {
    const { page } = panel;
    await page.locator('[data-field=address]').fill('50000000');
    await page.locator('[data-form=walk] button').click();
    await page.locator('.walk .verdict').waitFor();
    await page.locator('[data-fold=legend]').click();
    await page.locator('[data-picker]').click();
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
  }));

  it('compares two spaces: the page that they share copied on write', () => withPanel(DARK, async (panel, lab) => {
    const { page } = panel;
    await rowOf(panel, 'Page directory').waitFor();
    for (const cr3 of [lab.kernel.ping, lab.kernel.pong]) {
      await page.click('[data-picker]');
      await page.fill('[data-field=space-filter]', cr3.toString(16));
      await page.keyboard.press('Enter');
      await page.fill('[data-field=address]', '0x60000000');
      await page.keyboard.press('Enter');
      const end = page.locator('[role=row].walked-end').filter({ hasText: '60000000' });
      await end.filter({ hasText: lab.kernel.notebook.toString(16) }).waitFor();
      await page.locator('[role=row]').filter({ hasText: cr3.toString(16) }).first().waitFor();
      await eventually(async () => { assert.match(await end.locator('[role=gridcell]').first().getAttribute('aria-label') ?? '', /not writable/); });
    }
  }));

  it('comes back after a reload as it was', () => withPanel(DARK, async (panel) => {
    await panel.page.fill('[data-field=address]', '0x50000004');
    await panel.page.keyboard.press('Enter');
    await panel.page.locator('[role=row].walked-end').waitFor();
    await panel.page.waitForTimeout(100);
    const kept: unknown = await panel.page.evaluate('window.keptState');
    await withPanel(DARK, async (again) => {
      await again.page.locator('[role=row].walked-end[aria-selected=true]').filter({ hasText: '50000000' }).waitFor();
      await eventually(async () => { assert.equal(await again.page.inputValue('[data-field=address]'), '0x50000004'); });
    }, kept);
  }));

  it('says what there is to say when the session ends', () => withPanel(DARK, async (panel) => {
    await panel.tell('session', null);
    await panel.page.locator('.notice').filter({ hasText: 'Start one with F5' }).waitFor();
    await eventually(async () => { assert.equal(await panel.page.locator('[role=treegrid]').count(), 0); });
  }));

  it('breaks no rule of accessibility', () => withPanel(DARK, async (panel) => {
    await rowOf(panel, 'Page directory').waitFor();
    await panel.page.fill('[data-field=address]', '0x50000004');
    await panel.page.keyboard.press('Enter');
    await panel.page.locator('[role=row].walked-end').waitFor();
    assert.deepEqual(await accessibilityFaults(panel.page), []);
  }));

  for (const [name, theme] of [['dark', DARK], ['light', LIGHT], ['high-contrast', HIGH_CONTRAST]] as const) {
    it(`breaks no rule of accessibility, and looks as it should: ${name}`, () => withPanel(theme, async (panel, lab) => {
      const { page } = panel;
      await rowOf(panel, 'Page directory').waitFor();
      await page.focus('#trees');
      await page.keyboard.press('*');
      await rowOf(panel, '00100000–00103fff').waitFor();
      await page.waitForTimeout(200);
      lab.model.map(lab.kernel.sweeper, 0x50018000n, 0x700000, BIT.user | BIT.writable);
      lab.model.touch(lab.kernel.sweeper, 0x50018000n, true);
      await panel.tell('stopped');
      await screenshot(page, `page-tables-trees-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.fill('[data-field=address]', '0x50000004');
      await page.keyboard.press('Enter');
      await page.locator('[role=row].walked-end').waitFor();
      await page.focus('#chain');
      await page.keyboard.press('ArrowLeft');
      await page.locator('table.entry-bits').waitFor();
      await screenshot(page, `page-tables-walk-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
    }));
  }

  /** What of the page breaks the rules of its layout, in words; nothing when all is well. */
  const faults = ({ page }: OpenPanel) => page.evaluate(() => {
    const found: string[] = [];
    const [trees, walk, legend, strip] = ['#trees', '.walk', '.legend', '.map'].map((selector) => document.querySelector(selector)?.getBoundingClientRect());
    if (trees === undefined || walk === undefined || legend === undefined || strip === undefined) return ['a part of the panel is missing'];
    if (document.documentElement.scrollWidth > window.innerWidth) found.push('the page is wider than its window');
    if (trees.height < 96) found.push(`the trees are ${trees.height} px high`);
    if (walk.top < trees.bottom) found.push('the walk covers the trees');
    if (legend.bottom > window.innerHeight + 0.5 || legend.top < walk.bottom - 0.5) found.push('the legend is not at the foot');
    if (legend.height > 34) found.push(`the legend is ${legend.height} px high`);
    const labels = [...document.querySelectorAll('.tick-label')].filter((label) => label.getClientRects().length > 0).map((label) => label.getBoundingClientRect());
    if (labels.length === 0) found.push('no label at the strip');
    labels.forEach((label, at) => {
      const end = labels[at + 1]?.left ?? strip.right;
      if (label.right > end) found.push(`label ${at} is cut by ${label.right - end} px`);
    });
    const end = document.querySelector('.row.walked-end');
    for (const side of ['guest', 'shadow']) {
      const cell = end?.querySelector(`.cell.${side}`)?.getBoundingClientRect();
      if (cell === undefined || cell.height < 20 || cell.left < 0 || cell.right > window.innerWidth || cell.top < trees.top - 1 || cell.bottom > trees.bottom + 1) found.push(`the ${side}'s side of the walk's end is not in view`);
    }
    const range = end?.querySelector('.range')?.getBoundingClientRect();
    const target = end?.querySelector('.cell.guest .target')?.getBoundingClientRect();
    if (range === undefined || target === undefined || range.right > target.left) found.push('the address runs into its target');
    return found;
  });

  for (const [name, model, address] of [['32-bit', labKernel().model, '0x407000'], ['4-level', linuxKernel(), 'ffff8880 40601004']] as const) {
    it(`fits widths from 320 to 1600 px: ${name}`, async function () {
      this.timeout(60_000);
        for (const width of [320, 400, 500, 620, 720, 900, 1200, 1600]) {
        await show({ ask: asking({ model, running: false, retired: 12_345_678 }), theme: DARK, size: { width, height: 780 } }, async (panel) => {
          await panel.page.fill('[data-field=address]', address);
          await panel.page.keyboard.press('Enter');
          await panel.page.locator('[role=row].walked-end').waitFor();
          await panel.page.locator('.step.chosen').waitFor();
          await panel.page.waitForTimeout(150);
          await screenshot(panel.page, `page-tables-${name}-${width}`);
          assert.deepEqual(await faults(panel), [], `at ${width} px`);
          await eventually(async () => { assert.ok(await panel.page.locator('svg.lines g.line').count() > 0, 'derivation lines'); });
        });
      }
    });
  }

  it('leaves the scroll of the walk to the person while the guest runs', async () => {
    const lab = { ...machine(), running: true };
    await show({ ask: asking(lab), theme: DARK, size: { width: 400, height: 500 } }, async (panel) => {
      const { page } = panel;
      await page.fill('[data-field=address]', '0x50020000');
      await page.keyboard.press('Enter');
      await page.locator('.walk .card.fault').first().waitFor();
      const body = page.locator('.walk-body');
      await eventually(async () => { assert.equal(await body.evaluate((element) => element.scrollTop), 0, 'the verdict is in view'); });
      await body.evaluate((element) => { element.scrollTop = 40; });
      // The guest maps the page: the walk goes further.
      lab.model.map(lab.kernel.sweeper, 0x50020000n, 0x710000, BIT.user);
      await panel.tell('shadowbox.changed');
      await page.locator('.walk .verdict').filter({ hasText: '710000' }).waitFor();
      await eventually(async () => { assert.equal(await body.evaluate((element) => element.scrollTop), 40); });
    });
  });

  it('folds the walk up, and unfolds the legend, by keyboard', () => withPanel(DARK, async (panel) => {
    const { page } = panel;
    await page.fill('[data-field=address]', '0x50000004');
    await page.keyboard.press('Enter');
    await page.locator('#chain').waitFor();
    const high = await page.locator('#trees').evaluate((trees) => trees.clientHeight);
    await page.focus('[data-fold=walk]');
    await page.keyboard.press('Enter');
    await page.locator('#chain').waitFor({ state: 'detached' });
    await page.waitForFunction((before) => (document.querySelector('#trees')?.clientHeight ?? 0) > before, high);
    await eventually(async () => { assert.match(await page.locator('.walk .verdict').innerText(), /maps this address/); });
    await page.focus('[data-fold=legend]');
    await page.keyboard.press('Enter');
    await page.locator('#legend-long').filter({ hasText: 'Enter' }).waitFor();
    await eventually(async () => { assert.equal(await page.getAttribute('[data-fold=legend]', 'aria-expanded'), 'true'); });
    await screenshot(page, 'page-tables-legend');
    await page.keyboard.press('Enter');
    await page.locator('#legend-long').waitFor({ state: 'detached' });
  }));
});
