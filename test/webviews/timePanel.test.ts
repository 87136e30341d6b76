// The Time panel in a browser with a stand-in for the machine: keys, clicks, drags, bookmarks, forks.
// Pictures go to test-results/screenshots/.
import assert from 'node:assert/strict';
import { eventually } from './eventually';
import { accessibilityFaults } from '../support/accessibility';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO, type Theme } from './themes';
import { exampleTimeline } from './timeModel';

class FakeTime {
  present = 600_000_000;
  names = ['login prompt', 'the bug'];
  /** Whether a way takes until it is told that the machine stands. */
  isSlow = false;
  readonly orders: { readonly request: string; readonly args: object }[] = [];

  ask = (request: string, args: object): unknown => {
    switch (request) {
      case 'shadowbox.summary': return { running: false, retired: this.present, time: this.present, memoryBytes: 1, frames: 1 };
      case 'shadowbox.timeline': {
        const timeline = exampleTimeline(this.present);
        return { ...timeline, bookmarks: this.names.map((name, i) => ({ ...timeline.bookmarks[i % 2], name })) };
      }
      case 'shadowbox.travel': case 'stepBack': case 'stepIn': case 'pause': return this.travel(request, args);
      case 'shadowbox.bookmark': {
        this.orders.push({ request, args });
        if ('name' in args && args.name === 'taken') throw new Error("There is a bookmark 'taken' already.");
        if ('kind' in args && args.kind === 'add' && 'name' in args) this.names.push(String(args.name));
        return {};
      }
      default: throw new Error(`The stand-in knows no request '${request}'.`);
    }
  };

  private travel(request: string, args: object): object {
    this.orders.push({ request, args });
    if ('retired' in args) this.present = Number(args.retired);
    if (request === 'stepBack') this.present--;
    if (request === 'stepIn') this.present++;
    return {};
  }
}

describe('time: in a browser', function () {
  this.timeout(30_000);
  const show = usePanel('time', '#line');

  async function withTime(theme: Theme, body: (panel: OpenPanel, machine: FakeTime) => Promise<void>, width = 1000): Promise<void> {
    const machine = new FakeTime();
    await show({ ask: machine.ask, theme, size: { width, height: 620 } }, (panel) => body(panel, machine));
  }

  const arrived = async ({ page, tell }: OpenPanel, words: string): Promise<void> => {
    await tell('stopped', {});
    await page.locator('.where').filter({ hasText: words }).waitFor();
  };

  it('goes from snapshot to snapshot, by single instructions and to the ends by keyboard', () => withTime(DARK, async (panel, machine) => {
    const { page } = panel;
    await page.focus('#line');
    for (const [key, retired] of [['ArrowLeft', 550_000_000], ['ArrowRight', 600_000_000], ['Shift+ArrowLeft', 599_999_999], ['Shift+ArrowRight', 600_000_000], ['Home', 0]] as const) {
      await page.keyboard.press(key);
      await arrived(panel, `Instruction ${String(retired).replace(/\B(?=(\d{3})+$)/g, '\u202f')},`);
      assert.equal(machine.present, retired, key);
    }
    await page.keyboard.press('End');
    await page.locator('.way').waitFor();
    assert.deepEqual(machine.orders.at(-1), { request: 'shadowbox.travel', args: { furthest: true } });
    // A second way waits for the first one's end; Escape asks the machine to stand.
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelector('.way') !== null);
    await panel.tell('stopped', {});
    await page.locator('.way').waitFor({ state: 'detached' });
    assert.deepEqual(machine.orders.slice(-2).map(({ request }) => request), ['shadowbox.travel', 'pause']);
  }));

  it('goes where it is clicked and dragged to, and to marks exactly', () => withTime(DARK, async (panel, machine) => {
    const { page } = panel;
    const box = await page.locator('#line').boundingBox();
    assert.ok(box);
    await page.mouse.click(box.x + box.width / 4, box.y + box.height - 60);
    await arrived(panel, 'Instruction 250');
    assert.ok(Math.abs(machine.present - 250_000_000) < 3_000_000, String(machine.present));
    await page.mouse.move(box.x + box.width / 4, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + 30, { steps: 4 });
    await page.locator('.present.dragged').waitFor();
    assert.ok(Math.abs(machine.present - 250_000_000) < 3_000_000, 'not before it is let go');
    await page.mouse.up();
    await arrived(panel, 'Instruction');
    assert.ok(Math.abs(machine.present - 500_000_000) < 3_000_000, String(machine.present));
    await page.locator('.stops [data-at="130000000"] path').click();
    await arrived(panel, 'Instruction 130');
    assert.equal(machine.present, 130_000_000);
  }));

  it('names moments, goes to bookmarks and forks', () => withTime(DARK, async (panel, machine) => {
    const { page } = panel;
    await page.focus('#line');
    await page.keyboard.press('b');
    await page.locator('#name:focus').waitFor();
    await page.keyboard.type('taken');
    await page.keyboard.press('Enter');
    await page.locator('#name-error').filter({ hasText: 'already' }).waitFor();
    await page.locator('#name').fill('here it is');
    await page.keyboard.press('Enter');
    await page.locator('.list .name').filter({ hasText: 'here it is' }).waitFor();
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.id), 'line'); });
    await page.locator('[data-do=go][data-name="the bug"]').click();
    assert.deepEqual(machine.orders.at(-1), { request: 'shadowbox.travel', args: { bookmark: 'the bug' } });
    await panel.tell('stopped', {});
    await page.locator('[data-do=fork]').click();
    assert.deepEqual(machine.orders.at(-1), { request: 'shadowbox.travel', args: { fork: 1 } });
  }));

  it('writes names that are near one another beside one another', () => withTime(DARK, async ({ page, tell }, machine) => {
    machine.names = ['where the login prompt comes', 'the bug that was looked for', 'the same place', 'here, too'];
    await tell('stopped', {});
    await page.locator('.name-of-mark').filter({ hasText: 'the bug that was looked for' }).waitFor();
    for (const width of [1000, 420]) {
      await page.setViewportSize({ width, height: 620 });
      await eventually(async () => {
        const [line, ...names] = await page.evaluate(() => [...document.querySelectorAll('#line, .name-of-mark')].map((element) => element.getBoundingClientRect().toJSON() as { left: number; right: number }));
        const shown = names.filter(({ left, right }) => right > left).sort((a, b) => a.left - b.left);
        assert.ok(shown.length >= 3, `${shown.length} names at ${width} px`);
        shown.forEach(({ left, right }, i) => {
          assert.ok(left >= line.left && right <= line.right, `out of the picture at ${width} px`);
          assert.ok(right <= (shown[i + 1]?.left ?? Infinity), `one over another at ${width} px`);
        });
      });
    }
  }));

  it('says everything in the person\'s language', () => withTime(PSEUDO, async (panel, machine) => {
    machine.present = 200_000_000;
    await panel.tell('stopped', {});
    await panel.page.locator('.list .name.here').first().waitFor();
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
  }));

  it('zooms, and asks for the part that it shows', () => withTime(DARK, async (panel) => {
    const { page } = panel;
    await page.focus('#line');
    await page.keyboard.press('+');
    await page.locator('#line text.tick').filter({ hasText: '650\u202f000\u202f000' }).waitFor();
    assert.deepEqual(panel.asked.filter(({ request }) => request === 'shadowbox.timeline').at(-1)?.arguments, { from: 450_000_000, to: 700_000_000 });
    const asked = panel.asked.length;
    await page.waitForTimeout(300);
    assert.equal(panel.asked.length, asked, 'quiet when nothing changes');
  }));

  for (const [name, theme] of [['dark', DARK], ['light', LIGHT], ['high-contrast', HIGH_CONTRAST]] as const) {
    it(`looks as it should, and breaks no rule of accessibility: ${name}`, () => withTime(theme, async (panel) => {
      const { page } = panel;
      await page.focus('#line');
      await screenshot(page, `time-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.keyboard.press('b');
      await page.locator('#name:focus').waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      await eventually(async () => { assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true); });
    }));
  }
});
