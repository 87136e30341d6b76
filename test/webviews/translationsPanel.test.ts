// The panel Translations: its list and flame graph as pure functions, and the panel in a browser over a real guest's regions: keyboard, lines that
// correspond, the profile, accessibility. Pictures go to test-results/screenshots/.
import assert from 'node:assert/strict';
import { eventually } from './eventually';
import { profileTree } from '../../debugger/translations';
import { sharesOf, type Node, type Profile } from '../../webviews/translations/model';
import { barsOf } from '../../webviews/translations/profileView';
import { INITIAL, fromKept, parentOf, toKeep } from '../../webviews/translations/state';
import { AT } from '../monitor/cpu/guest';
import { accessibilityFaults } from '../support/accessibility';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO, type Theme } from './themes';
import { FakeTranslations } from './translationsModel';

const node = (name: string, depth: number, retired: number): Node => ({ name, depth, retired, samples: 1, linear: '0x1000', user: false });
/** main calls a (which calls itself) and b. */
const NODES = [node('main', 0, 100), node('a', 1, 70), node('a', 2, 20), node('b', 1, 20), node('user', 0, 50)];

describe('translations: the profile', () => {
  it('is a tree of callers, each function once below its caller, the heaviest first', () => {
    const names: Readonly<Record<string, string>> = { '1': 'leaf', '9': 'main+0x9', '19': 'other+0x19' };
    const { nodes } = profileTree([
      { addresses: [1n, 0x10n], user: false, samples: 1, retired: 10 },
      { addresses: [1n, 0x1an], user: false, samples: 2, retired: 30 },
      { addresses: [0x5123n], user: true, samples: 1, retired: 5 },
    ], (linear) => names[linear.toString(16)] ?? (linear === 0xfn ? 'main+0xf' : undefined));
    assert.deepEqual(nodes.map(({ name, depth, retired, samples }) => [name, depth, retired, samples]), [['other', 0, 30, 2], ['leaf', 1, 30, 2], ['main', 0, 10, 1], ['leaf', 1, 10, 1], ['user code at 0x5xxx', 0, 5, 1]]);
  });

  it('gives each function what it retired itself', () => {
    const profile: Profile = { running: false, samples: 5, retired: 150, idle: 0, lost: 0, milliseconds: 0, hidden: 0, nodes: NODES };
    const shares = sharesOf(profile);
    assert.deepEqual([...shares].map(([name, share]) => [name, Math.round(share * 150)]), [['main', 10], ['a', 70], ['b', 20], ['user', 50]]);
  });

  it('is drawn to scale: callees below their callers, and a place that is zoomed to fills the width', () => {
    const bars = barsOf(NODES, 150, undefined).map(({ node: { name }, left, width, row }) => [name, row, Math.round(left * 150), Math.round(width * 150)]);
    assert.deepEqual(bars, [['main', 0, 0, 100], ['a', 1, 0, 70], ['a', 2, 0, 20], ['b', 1, 70, 20], ['user', 0, 100, 50]]);
    const zoomed = barsOf(NODES, 150, 1).map(({ node: { name }, row, left, width }) => [name, row, left, Number(width.toFixed(3))]);
    assert.deepEqual(zoomed, [['main', 0, 0, 1], ['a', 1, 0, 1], ['a', 2, 0, 0.286]]);
    assert.deepEqual([2, 3, 4].map((index) => parentOf(NODES, index)), [1, 0, undefined]);
  });

  it('keeps what was set up over a reload, and takes no rubbish', () => {
    const state = { ...INITIAL, tab: 'profile', filter: 'x', sort: 'name', selected: 7 } as const;
    assert.deepEqual(fromKept(toKeep(state)), state);
    assert.deepEqual(fromKept({ tab: 1, filter: [], sort: 'size', selected: 'x' }), INITIAL);
  });
});

describe('translations: in a browser', function () {
  this.timeout(40_000);
  const show = usePanel('translations');

  async function withPanel(theme: Theme, body: (panel: OpenPanel, machine: FakeTranslations) => Promise<void>, others = 0, kept?: unknown): Promise<void> {
    const machine = new FakeTranslations();
    machine.others = others;
    await show({ ask: machine.ask, theme, kept, size: { width: 1300, height: 850 } }, (panel) => body(panel, machine));
  }

  it('shows a region\'s guest code beside its WebAssembly, line by line, by keyboard', () => withPanel(DARK, async (panel) => {
    const { page } = panel;
    await page.focus('#regions');
    await page.keyboard.press('/');
    await page.keyboard.type('count_down');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Home');
    await page.locator('.head h2').filter({ hasText: 'count_down at 0x10005' }).waitFor();
    await eventually(async () => { assert.match(await page.locator('#guest').innerText(), /count_down:.*loop[^]*call 0x10013[^]*add_three:[^]*add eax, 0x3[^]*mov \[0x20000\], eax/); });
    await page.keyboard.press('Enter');
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.id), 'guest'); });
    const add = await page.locator('#guest [data-id]').filter({ hasText: 'add eax, 0x3' }).getAttribute('data-id');
    for (let i = 0; i < 12 && await page.locator(`#guest-${add}.pointed`).count() === 0; i++) {
      await page.keyboard.press('ArrowDown');
      await page.waitForTimeout(60);
    }
    await eventually(async () => { assert.match((await page.locator('#wasm .pointed').allInnerTexts()).join('\n'), /i32\.add[^]*\(local\.set \$eax/); });
    await eventually(async () => { assert.equal(await page.locator('#guest').getAttribute('aria-activedescendant'), `guest-${add}`); });
    await page.keyboard.press('Escape');
    for (const key of ['c', 'w']) await page.keyboard.press(key);
    await page.waitForTimeout(100);
    assert.deepEqual(panel.asked.filter(({ request }) => request.startsWith('editor.')), [
      { request: 'editor.openCode', arguments: { linear: '0x10005' } }, { request: 'editor.showInPageTables', arguments: { linear: '0x10005' } },
    ]);
    await page.locator('#wasm .code').filter({ hasText: 'i32.store' }).first().click();
    await page.locator('#guest .pointed').filter({ hasText: /mov|call/ }).waitFor();
  }));

  it('has thousands of regions at hand, and only those in view on the page; marks what is new', () => withPanel(DARK, async (panel, machine) => {
    const { page } = panel;
    await page.locator('#regions .row').first().waitFor();
    await eventually(async () => { assert.ok(Number(await page.locator('#regions').getAttribute('aria-rowcount')) > 2500); });
    await eventually(async () => { assert.ok(await page.locator('#regions .row').count() < 60); });
    await page.selectOption('[data-field=sort]', 'instructions');
    const first = page.locator('#regions .row').first().locator('.size');
    await first.filter({ hasText: '137' }).waitFor();
    await page.focus('#regions');
    await page.keyboard.press('End');
    await page.locator('#regions .row.selected').waitFor();
    await panel.tell('stopped', {});
    await page.waitForTimeout(300);
    machine.others = 3001;
    await panel.tell('stopped', {});
    await page.fill('[data-field=filter]', `0x${(0x100000 + 3000 * 0x40).toString(16)}`);
    await page.locator('.row .mark').filter({ hasText: '●' }).waitFor();
  }, 3000));

  it('says everything in the person\'s language', () => withPanel(PSEUDO, async (panel) => {
    const { page } = panel;
    await page.locator('[data-entry]').first().click();
    await page.locator('#wasm .code').first().waitFor();
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
    await page.locator('[data-tab=execution]').click();
    await page.locator('.sheet').waitFor();
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
    await page.locator('[data-tab=profile]').click();
    await page.locator('[data-profile]').waitFor();
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
  }));

  it('profiles when it is told to, and shows a flame graph that keys go through', () => withPanel(DARK, async (panel, machine) => {
    const { page } = panel;
    await page.focus('[data-tab=regions]');
    await page.keyboard.press('ArrowLeft');
    await page.locator('.notice').filter({ hasText: 'Nothing has been sampled' }).waitFor();
    await page.locator('[data-profile=start]').click();
    await page.locator('#flame .bar').filter({ hasText: 'add_three' }).waitFor();
    assert.equal(machine.running, true);
    await page.focus('#flame');
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp', 'ArrowRight']) await page.keyboard.press(key);
    await page.locator('.bar.chosen').filter({ hasText: 'kernel_2' }).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('.bar').filter({ hasText: 'add_three' }).waitFor({ state: 'detached' });
    await page.keyboard.press('c');
    await page.keyboard.press('Escape');
    await page.locator('.bar').filter({ hasText: 'add_three' }).waitFor();
    assert.deepEqual(panel.asked.find(({ request }) => request === 'editor.openCode')?.arguments, { linear: '0xc0102020' });
    await page.locator('[data-profile=stop]').click();
    await page.locator('[data-profile=start]').waitFor();
    await page.locator('[data-tab=regions]').click();
    await page.locator('.row').filter({ hasText: 'count_down' }).filter({ hasText: '25.0 %' }).first().waitFor();
  }));

  it('says how code is run, and what has been counted since the last stop', () => withPanel(DARK, async (panel, machine) => {
    const { page } = panel;
    await page.locator('[data-tab=execution]').click();
    await page.locator('.mode').filter({ hasText: 'Now guarded (translated with guards). Supervisor code (CPL below 3)' }).waitFor();
    await panel.tell('stopped', {});
    await page.waitForTimeout(200);
    machine.guest.map.write(AT.code + 20, 1, 0x90);
    await panel.tell('stopped', {});
    await page.locator('tr').filter({ hasText: 'blocksInvalidated' }).filter({ hasText: '+1' }).filter({ hasText: 'blocks invalidated by writes' }).waitFor();
  }));

  for (const [name, theme] of [['dark', DARK], ['light', LIGHT], ['high-contrast', HIGH_CONTRAST]] as const) {
    it(`breaks no rule of accessibility, and looks as it should: ${name}`, () => withPanel(theme, async ({ page }) => {
      await page.fill('[data-field=filter]', '0x1');
      await page.locator('.row').filter({ hasText: 'count_down' }).first().click();
      await page.locator('#guest .code').filter({ hasText: 'add eax, 0x3' }).click();
      await page.waitForTimeout(150);
      await screenshot(page, `translations-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.locator('[data-tab=execution]').click();
      await page.locator('.mode').waitFor();
      await screenshot(page, `translations-execution-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.locator('[data-tab=profile]').click();
      await page.locator('[data-profile=start]').click();
      await page.locator('.bar').filter({ hasText: 'add_three' }).click();
      await page.waitForTimeout(150);
      await screenshot(page, `translations-profile-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
    }, 40));
  }

  it('fits widths from 280 to 1600 px', () => withPanel(LIGHT, async ({ page }) => {
    await page.locator('.row').filter({ hasText: 'count_down' }).first().click();
    await page.locator('#guest').waitFor();
    for (const width of [280, 400, 640, 700, 900, 1100, 1600]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(80);
      const wide = await page.evaluate(() => [...document.querySelectorAll('#regions, .line, .toolbar, .head')].filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.className));
      assert.deepEqual(wide, [], `at ${width} px`);
      // Bytes give way: what an instruction is stands in view.
      const hidden = await page.evaluate(() => {
        const end = document.querySelector('#guest')?.getBoundingClientRect().right ?? 0;
        return [...document.querySelectorAll('#guest .code .text')].filter((text) => text.getBoundingClientRect().right > end).map((text) => text.textContent);
      });
      assert.deepEqual(hidden, [], `at ${width} px`);
      if (width === 400) await screenshot(page, 'translations-400');
    }
  }, 10));
});
