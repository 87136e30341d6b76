// The panel Registers in a browser: everything is reached by keyboard, values are set or refused in words, nothing jumps, nothing
// breaks a rule of accessibility. Pictures go to test-results/screenshots/.
import assert from 'node:assert/strict';
import { eventually } from './eventually';
import { accessibilityFaults } from '../support/accessibility';
import { cpuAnswer, LAB_CPU, LAB_POINTERS, LONG_CPU, type CpuModel } from './cpuModel';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO, type Theme } from './themes';

interface FakeGuest {
  model: CpuModel;
  running: boolean;
  /** What has been set, as it was typed. */
  readonly set: { readonly name: string; readonly value: string }[];
}

function answer(guest: FakeGuest, request: string, args: object): unknown {
  const given: { cpu?: number; name?: string; value?: string } = args;
  switch (request) {
    case 'shadowbox.summary': return { running: guest.running, retired: 12_345_678, time: 1, memoryBytes: 1, frames: 1 };
    case 'shadowbox.cpu':
      if (given.cpu === undefined || given.cpu === guest.model.processor.index) return cpuAnswer(guest.model);
      if (given.cpu >= guest.model.processor.count) throw new Error(`There is no CPU ${given.cpu}: the machine has CPUs 0 to ${guest.model.processor.count - 1}.`);
      return cpuAnswer({ ...guest.model, processor: { ...guest.model.processor, index: given.cpu }, values: { ...guest.model.values, rax: 0x3000n + BigInt(given.cpu) } });
    case 'shadowbox.pointers': return { pointers: LAB_POINTERS };
    case 'shadowbox.setRegister': {
      const { name = '', value = '' } = given;
      guest.set.push({ name, value });
      if (!/^(0x[0-9a-f]+|-?\d+(\.\d+)?)$/i.test(value)) throw new Error(`'${value}' is no number, and there is no symbol of that name.`);
      if (/^\d+$|^0x/.test(value) && !name.includes('.') ) guest.model = { ...guest.model, values: { ...guest.model.values, [name]: BigInt(value) } };
      if (name === 'eflags.zf') guest.model = { ...guest.model, values: { ...guest.model.values, eflags: (guest.model.values.eflags & ~0x40n) | (BigInt(value) << 6n) } };
      return {};
    }
    case 'editor.showInPageTables': case 'editor.openCode': return {};
    default: throw new Error(`The stand-in knows no request '${request}'.`);
  }
}

describe('registers: in a browser', function () {
  this.timeout(30_000);
  const show = usePanel('registers', '[data-row]');

  interface Setting {
    readonly theme?: Theme;
    readonly model?: CpuModel;
    readonly kept?: unknown;
    readonly size?: { readonly width: number; readonly height: number };
  }

  async function withPanel({ theme = DARK, model = LAB_CPU, kept, size }: Setting, body: (panel: OpenPanel, guest: FakeGuest) => Promise<void>): Promise<void> {
    const guest: FakeGuest = { model, running: false, set: [] };
    await show({ ask: (request, args) => answer(guest, request, args), theme, kept, ...(size ? { size } : {}) }, (panel) => body(panel, guest));
  }

  const cell = ({ page }: OpenPanel, name: string) => page.locator(`[data-cell="${name}"]`);
  const active = ({ page }: OpenPanel) => page.evaluate(() => {
    const grid = document.activeElement;
    return document.getElementById(grid?.getAttribute('aria-activedescendant') ?? '')?.getAttribute('aria-label') ?? grid?.id;
  });

  it('is one treegrid, gone through by keyboard; parts open, a value is set', () => withPanel({}, async (panel, guest) => {
    const { page } = panel;
    await page.focus('#registers');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await eventually(async () => { assert.match(await active(panel) ?? '', /^eax 41424344/); });
    await page.keyboard.press('Space');
    await cell(panel, 'al').waitFor();
    await eventually(async () => { assert.equal(await page.locator('[data-row=eax]').getAttribute('aria-expanded'), 'true'); });
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight');
    await eventually(async () => { assert.match(await active(panel) ?? '', /^al 44/); });
    await page.keyboard.press('Enter');
    await eventually(async () => { assert.equal(await page.inputValue('#edit'), '0x44'); });
    await page.keyboard.type('12');
    await page.keyboard.press('Enter');
    await page.locator('#edit').waitFor({ state: 'detached' });
    assert.deepEqual(guest.set, [{ name: 'al', value: '12' }]);
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.id), 'registers', 'the keyboard goes on where it was'); });
  }));

  it('says at the field why a value is refused, and keeps what was typed', () => withPanel({}, async (panel) => {
    const { page } = panel;
    await cell(panel, 'ebx').dblclick();
    await page.fill('#edit', 'nonsense');
    await page.keyboard.press('Enter');
    await page.locator('[role=alert]').filter({ hasText: "'nonsense' is no number" }).waitFor();
    await eventually(async () => { assert.equal(await page.inputValue('#edit'), 'nonsense'); });
    await eventually(async () => { assert.equal(await page.getAttribute('#edit', 'aria-invalid'), 'true'); });
    await page.keyboard.press('Escape');
    await eventually(async () => { assert.equal(await cell(panel, 'ebx').locator('.text').innerText(), '00000012'); });
  }));

  it('switches a flag at once, and the jumps follow', () => withPanel({}, async (panel, guest) => {
    const { page } = panel;
    const equal = page.locator('[data-cell="jump:JE JZ"]');
    await eventually(async () => { assert.match(await equal.innerText(), /^JE JZ\s+taken$/); });
    await cell(panel, 'eflags.zf').dblclick();
    await equal.filter({ hasText: 'not taken' }).waitFor();
    assert.deepEqual(guest.set, [{ name: 'eflags.zf', value: '0' }]);
  }));

  it('says everything in the person\'s language', () => withPanel({ theme: PSEUDO, size: { width: 1000, height: 3000 } }, async (panel) => {
    await panel.page.locator('[data-row=eip]').waitFor();
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
  }));

  it('marks what has changed since the last stop, with the value before', () => withPanel({}, async (panel, guest) => {
    const { page } = panel;
    await panel.tell('stopped');
    guest.model = { ...LAB_CPU, values: { ...LAB_CPU.values, ecx: 7n } };
    await panel.tell('stopped');
    await page.locator('[data-row=ecx].changed').waitFor();
    await eventually(async () => { assert.match(await cell(panel, 'ecx').getAttribute('aria-label') ?? '', /ecx 00000007; was ffffffff at the last stop/); });
    await eventually(async () => { assert.equal(await page.locator('.row.changed').count(), 1); });
    await page.locator('.general .changes').filter({ hasText: '1 changed' }).waitFor();
  }));

  it('marks what was set from here, at the first stop that it sees', () => withPanel({}, async (panel) => {
    await cell(panel, 'ebx').dblclick();
    await panel.page.fill('#edit', '0x77');
    await panel.page.keyboard.press('Enter');
    await panel.page.locator('[data-cell=ebx].changed').filter({ hasText: '00000077' }).waitFor();
    await eventually(async () => { assert.match(await cell(panel, 'ebx').getAttribute('aria-label') ?? '', /was 00000012 at the last stop/); });
  }));

  it('does not let a running guest be changed, and says why', () => withPanel({}, async (panel, guest) => {
    guest.running = true;
    await panel.tell('continued');
    await panel.page.locator('.machine').getByText('running').waitFor();
    await cell(panel, 'eax').dblclick();
    await panel.page.locator('[role=status]').filter({ hasText: 'pause it' }).waitFor();
    await eventually(async () => { assert.equal(await panel.page.locator('#edit').count(), 0); });
    assert.deepEqual(guest.set, []);
  }));

  it('shows lanes in every way, each register in its own', () => withPanel({}, async (panel) => {
    const { page } = panel;
    await eventually(async () => { assert.equal(await page.locator('[data-row=xmm0] .lane').count(), 4); });
    await page.selectOption('[data-lanes=xmm0]', 'f32');
    await eventually(async () => { assert.deepEqual((await page.locator('[data-row=xmm0] .lane .text').allInnerTexts()).slice(0, 2), ['1', '3.1415927']); });
    await page.selectOption('[data-lanes=xmm0]', 'f64');
    await eventually(async () => { assert.equal((await page.locator('[data-row=xmm0] .lane .text').allInnerTexts())[1], '1.5'); });
    await page.selectOption('[data-lanes=xmm0]', 'u8');
    await eventually(async () => { assert.equal(await page.locator('[data-row=xmm0] .lane').count(), 16); });
    await eventually(async () => { assert.equal(await page.locator('[data-row=xmm1] .lane').count(), 4); });
  }));

  it('has of many MSRs those in view, finds any by the filter, and goes to the last by keyboard', () => withPanel({}, async (panel) => {
    const { page } = panel;
    await page.locator('[data-fold=msrs]').click();
    await page.locator('#msr-list').waitFor();
    await eventually(async () => { assert.ok(await page.locator('#msr-list .row').count() < 60); });
    await page.focus('#registers');
    await page.keyboard.press('End');
    await page.locator('[data-row=msr_04f]').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('lstar');
    await page.locator('[data-row=eax]').waitFor({ state: 'detached' });
    await eventually(async () => { assert.deepEqual(await page.locator('[data-row]').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-row'))), ['ia32_lstar']); });
    await page.keyboard.type(' and nothing');
    await page.locator('.notice').filter({ hasText: 'Nothing is found' }).waitFor();
  }));

  it('leads from a pointer to its place in Page Tables and to its code', () => withPanel({}, async (panel) => {
    const { page } = panel;
    await page.locator('[data-row=eip]').hover();
    await page.locator('[data-row=eip] [data-go=code]').click();
    await page.locator('[data-row=edx]').hover();
    await page.locator('[data-row=edx] [data-go=walk]').click();
    const editor = panel.asked.filter(({ request }) => request.startsWith('editor.'));
    assert.deepEqual(editor, [
      { request: 'editor.openCode', arguments: { linear: '0x400002dd' } }, { request: 'editor.showInPageTables', arguments: { linear: '0x40000444' } },
    ]);
  }));

  it('shows and sets any of several CPUs, whichever has its turn', () => withPanel({ model: LONG_CPU }, async (panel) => {
    const { page } = panel;
    await eventually(async () => { assert.equal(await page.locator('[data-field=cpu] option').count(), 5); });
    await page.locator('[data-row=rax]').filter({ hasText: 'ffffffff81000000' }).waitFor();
    await page.selectOption('[data-field=cpu]', '3');
    await page.locator('[data-row=rax]').filter({ hasText: '3003' }).waitFor();
    await page.locator('[data-row=rax] [data-cell=rax]').dblclick();
    await page.locator('#edit').fill('0x1234');
    await page.locator('#edit').press('Enter');
    await eventually(async () => { assert.deepEqual(panel.asked.filter(({ request }) => request === 'shadowbox.setRegister').at(-1)?.arguments, { name: 'rax', value: '0x1234', cpu: 3 }); });
    await page.selectOption('[data-field=cpu]', '');
    await page.locator('[data-row=rax]').filter({ hasText: '1234' }).waitFor();
  }));

  it('says so when the machine has no such CPU any more', () => withPanel({ model: LONG_CPU }, async ({ page }, guest) => {
    await eventually(async () => { assert.equal(await page.locator('[data-field=cpu] option').count(), 5); });
    guest.model = { ...guest.model, processor: { index: 1, count: 2 } };
    await page.selectOption('[data-field=cpu]', '3');
    await page.locator('.notice').filter({ hasText: 'There is no CPU 3' }).waitFor();
    await page.selectOption('[data-field=cpu]', '');
    await page.locator('[data-row=rax]').waitFor();
  }));

  it('comes back after a reload as it was set up', () => withPanel({}, async (panel) => {
    await panel.page.locator('[data-fold=segments]').click();
    await panel.page.selectOption('[data-lanes=xmm1]', 'u64');
    await panel.page.locator('[data-open=ebx]').click();
    await panel.page.locator('[data-row=cs]').waitFor({ state: 'detached' });
    await panel.page.waitForTimeout(100);
    const kept: unknown = await panel.page.evaluate('window.keptState');
    await withPanel({ kept }, async (again) => {
      await eventually(async () => { assert.equal(await again.page.locator('[data-row=cs]').count(), 0); });
      await eventually(async () => { assert.equal(await again.page.locator('[data-row=xmm1] .lane').count(), 2); });
      await eventually(async () => { assert.equal(await cell(again, 'bl').count(), 1); });
    });
  }));

  it('writes nothing to the page when an answer says nothing new', () => withPanel({}, async (panel) => {
    const { page } = panel;
    await page.waitForTimeout(200);
    await page.evaluate(`window.writes = 0; new MutationObserver((all) => { window.writes += all.length; })
      .observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true })`);
    const asked = panel.asked.length;
    for (let i = 0; i < 5; i++) await panel.tell('shadowbox.changed');
    await page.waitForTimeout(300);
    assert.ok(panel.asked.length > asked, 'it asked anew');
    assert.equal(await page.evaluate('window.writes'), 0);
  }));

  for (const [name, theme] of [['dark', DARK], ['light', LIGHT], ['high-contrast', HIGH_CONTRAST]] as const) {
    it(`breaks no rule of accessibility, and looks as it should: ${name}`, () => withPanel({ theme, size: { width: 1400, height: 1300 } }, async (panel, guest) => {
      const { page } = panel;
      await panel.tell('stopped');
      guest.model = { ...LAB_CPU, values: { ...LAB_CPU.values, ecx: 7n, eflags: 0x202n } };
      await panel.tell('stopped');
      await page.locator('[data-row=ecx].changed').waitFor();
      await page.locator('[data-open=eax]').click();
      await page.locator('[data-open=cs]').click();
      await page.selectOption('[data-lanes=xmm0]', 'f32');
      await page.focus('#registers');
      await page.keyboard.press('ArrowDown');
      await screenshot(page, `registers-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
    }));
  }

  it('fits widths from 280 to 1600 px without scrolling sideways', () => withPanel({ model: LONG_CPU }, async ({ page }) => {
    for (const width of [280, 400, 640, 900, 1200, 1600]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => [...document.querySelectorAll('#registers, .row, .toolbar, .legend')].filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => `${element.className} ${element.getAttribute('data-row') ?? ''}`));
      assert.deepEqual(wide, [], `at ${width} px`);
      if (width === 280 || width === 1600) await screenshot(page, `registers-${width}`);
    }
  }));
});
