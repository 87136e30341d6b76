// The Screen panel in a browser with a stand-in for the machine: dots on the canvas, keys and mouse to the guest, nothing while
// nothing changes. Pictures go to test-results/screenshots/.
import assert from 'node:assert/strict';
import { accessibilityFaults } from '../support/accessibility';
import { eventually } from './eventually';
import { PictureSender } from '../../debugger/pictures';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO, type Theme } from './themes';

/** A machine with a screen of large dots. */
class FakeScreen {
  change = 1;
  running = true;
  readonly [Symbol.toStringTag] = 'FakeScreen';
  dots = new Uint32Array(640 * 400).fill(0xff_000000);
  text = ['Hello', ''];
  clipboard = 'dir\n';
  readonly sender = new PictureSender();
  readonly done: { request: string; args: object }[] = [];

  paint(x: number, y: number, width: number, height: number, colour: number): void {
    for (let line = y; line < y + height; line++) this.dots.fill(colour, line * 640 + x, line * 640 + x + width);
    this.change++;
  }

  ask = (request: string, args: object): unknown => {
    const since = 'since' in args && typeof args.since === 'number' ? args.since : undefined;
    switch (request) {
      case 'shadowbox.summary': return { running: this.running, retired: 1, time: 1, memoryBytes: 1, frames: 1 };
      case 'shadowbox.picture': {
        const { change } = this;
        return this.sender.answer({ change, width: 640, height: 400, aspect: 4 / 3, ...(since === change ? {} : { pixels: new Uint8Array(this.dots.buffer.slice(0)) }) }, since);
      }
      case 'shadowbox.screen': return { columns: 80, rows: 25, text: this.text, attributes: '', cursor: { column: 0, row: 0, visible: true } };
      case 'editor.paste': return { text: this.clipboard };
      case 'editor.saveFile': this.done.push({ request, args }); return { path: '/tmp/screen.png' };
      default: this.done.push({ request, args }); return {};
    }
  };

  /** Codes of the keys so far: '+1e -1e'. */
  get keys(): string {
    return this.done.filter(({ request }) => request === 'shadowbox.key').map(({ args }) => {
      const { code, down } = args as { code: number; down: boolean };
      return `${down ? '+' : '-'}${code.toString(16)}`;
    }).join(' ');
  }
}

async function until(what: string, good: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !await good(); tries++) {
    assert.ok(tries < 200, `waited in vain for ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
}

describe('screen: in a browser', function () {
  this.timeout(30_000);
  const show = usePanel('screen', '#surface');

  async function withScreen(theme: Theme, body: (panel: OpenPanel, screen: FakeScreen) => Promise<void>, kept?: unknown): Promise<void> {
    const screen = new FakeScreen();
    screen.paint(0, 0, 320, 200, 0xff_0000ff);
    await show({ ask: screen.ask, theme, kept, size: { width: 1000, height: 800 } }, (panel) => body(panel, screen));
  }

  /** Red, green, blue of a dot on the canvas. */
  const dot = ({ page }: OpenPanel, x: number, y: number) => page.locator('#canvas').evaluate((canvas, at) => (
    canvas instanceof HTMLCanvasElement ? [...(canvas.getContext('2d')?.getImageData(at.x, at.y, 1, 1).data.slice(0, 3) ?? [])].join() : ''
  ), { x, y });

  it('shows the guest\'s dots, and what changes of them', () => withScreen(DARK, async (panel, screen) => {
    await until('the first picture', async () => await dot(panel, 10, 10) === '255,0,0');
    await eventually(async () => { assert.equal(await dot(panel, 400, 10), '0,0,0'); });
    screen.paint(500, 300, 8, 8, 0xff_00ff00);
    await panel.tell('shadowbox.changed', {});
    await until('the change', async () => await dot(panel, 503, 303) === '0,255,0');
    await eventually(async () => { assert.equal(await dot(panel, 10, 10), '255,0,0', 'what did not change stays'); });
    const box = await panel.page.locator('#canvas').boundingBox();
    assert.ok(box && Math.abs(box.width / box.height - 4 / 3) < 0.02, JSON.stringify(box));
  }));

  it('asks and writes nothing while nothing changes', () => withScreen(DARK, async (panel) => {
    await panel.page.waitForTimeout(1500);
    const before = panel.asked.length;
    await panel.page.evaluate(`window.writes = 0; new MutationObserver((all) => { window.writes += all.length; })
      .observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true })`);
    await panel.page.waitForTimeout(500);
    assert.equal(panel.asked.length, before);
    assert.equal(await panel.page.evaluate('window.writes'), 0);
  }));

  it('sends keys from Enter on until the chord, and not before or after', () => withScreen(DARK, async (panel, screen) => {
    const { page } = panel;
    await page.focus('#surface');
    await page.keyboard.press('a');
    await page.keyboard.press('Enter');
    await page.locator('.where.captured').waitFor();
    await page.keyboard.press('a');
    await page.keyboard.press('Escape');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('F5');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Control+c');
    await eventually(() => { assert.equal(screen.keys, '+1e -1e +1 -1 +e048 -e048 +3f -3f +f -f +1d +2e -2e -1d'); });
    await page.keyboard.down('Control');
    await page.keyboard.down('Alt');
    await page.keyboard.up('Alt');
    await page.keyboard.up('Control');
    await page.locator('.where:not(.captured)').waitFor();
    const keys = screen.keys;
    assert.ok(keys.endsWith('+1d +38 -38 -1d'), keys);
    await page.keyboard.press('b');
    await eventually(() => { assert.equal(screen.keys, keys); });
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.id), 'surface'); });
  }));

  it('lets all keys go when the focus goes', () => withScreen(DARK, async (panel, screen) => {
    const { page } = panel;
    await page.focus('#surface');
    await page.keyboard.press('Enter');
    await page.keyboard.down('Shift');
    await page.keyboard.down('x');
    await page.focus('[data-act=send]');
    await until('the keys to go up', () => screen.keys === '+2a +2d -2d -2a');
  }));

  it('gives the guest the mouse by a click', () => withScreen(DARK, async (panel, screen) => {
    const { page } = panel;
    await page.locator('#canvas').click();
    await page.locator('.where').filter({ hasText: /mouse/ }).waitFor();
    const box = await page.locator('#canvas').boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + 100, box.y + 100);
    await page.mouse.move(box.x + 110, box.y + 95);
    await page.mouse.down();
    await page.mouse.up();
    await page.mouse.wheel(0, -100);
    const motions = () => screen.done.filter(({ request }) => request === 'shadowbox.mouse').map(({ args }) => args as { dx: number; dy: number; wheel: number; buttons: number });
    await until('movement, a button and the wheel', () => motions().some(({ dx, dy }) => dx > 0 && dy > 0) && motions().some(({ buttons }) => buttons === 1) && motions().some(({ wheel }) => wheel === 1));
    assert.equal(motions().at(-1)?.buttons, 0);
  }));

  it('types a text, sends combinations, copies and saves', () => withScreen(DARK, async (panel, screen) => {
    const { page } = panel;
    await page.locator('[data-act=type]').click();
    await page.locator('[data-act=paste]').click();
    await until('the clipboard\'s text', async () => await page.locator('textarea').inputValue() === 'dir\n');
    await page.locator('textarea').fill('A1é');
    await page.locator('form button[type=submit]').click();
    await page.locator('.message').filter({ hasText: 'Typed 2 characters. Left out, for a US keyboard does not have them: é' }).waitFor();
    await eventually(() => { assert.equal(screen.keys, '+2a +1e -1e -2a +2 -2'); });
    await page.locator('[data-act=send]').click();
    await until('the combination', () => screen.keys.endsWith('+1d +38 +e053 -e053 -38 -1d'));
    await page.locator('[data-act=copy]').click();
    await page.locator('.message').filter({ hasText: 'Copied' }).waitFor();
    assert.deepEqual(screen.done.find(({ request }) => request === 'editor.copy')?.args, { text: 'Hello\n' });
    await page.locator('[data-act=save]').click();
    await page.locator('.message').filter({ hasText: '/tmp/screen.png' }).waitFor();
    const saved = screen.done.find(({ request }) => request === 'editor.saveFile')?.args as { data: string };
    const png = Buffer.from(saved.data, 'base64');
    assert.deepEqual([png.subarray(1, 4).toString(), png.readUInt32BE(16), png.readUInt32BE(20)], ['PNG', 640, 400]);
  }));

  it('says everything in the person\'s language', () => withScreen(PSEUDO, async (panel) => {
    await panel.page.locator('[data-act=type]').click();
    await panel.page.locator('textarea').waitFor();
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
  }));

  it('asks before it resets', () => withScreen(DARK, async (panel, screen) => {
    const buttons = () => screen.done.filter(({ request }) => request === 'shadowbox.button').map(({ args }) => args);
    await panel.page.locator('[data-act=reset]').click();
    await panel.page.locator('[data-act=reset-no]').click();
    assert.deepEqual(buttons(), []);
    await panel.page.locator('[data-act=reset]').click();
    await panel.page.locator('[data-act=reset-yes]').click();
    await panel.page.locator('[data-act=power]').click();
    await until('the buttons', () => buttons().length === 2);
    assert.deepEqual(buttons(), [{ button: 'reset' }, { button: 'power' }]);
  }));

  it('remembers how it was set up', () => withScreen(DARK, async (panel) => {
    await panel.page.selectOption('[data-field=scaling]', 'actual');
    await panel.page.uncheck('[data-field=smooth]');
    await panel.page.waitForTimeout(100);
    const kept: unknown = await panel.page.evaluate('window.keptState');
    await withScreen(DARK, async (again) => {
      await eventually(async () => { assert.equal(await again.page.inputValue('[data-field=scaling]'), 'actual'); });
      await until('its size', async () => (await again.page.locator('#canvas').boundingBox())?.width === 640);
      await eventually(async () => { assert.equal(await again.page.locator('#canvas').getAttribute('class'), 'crisp'); });
    }, kept);
  }));

  it('keeps the last picture of a guest that is gone', () => withScreen(DARK, async (panel) => {
    await until('the first picture', async () => await dot(panel, 10, 10) === '255,0,0');
    await panel.tell('session', null);
    await panel.page.locator('.where').filter({ hasText: 'its screen is dark' }).waitFor();
    await eventually(async () => { assert.equal(await dot(panel, 10, 10), '255,0,0'); });
  }));

  it('keeps the words beside its fields as long as there is room, and fits narrow editors', () => withScreen(DARK, async ({ page }) => {
    const label = page.locator('.toolbar .label').first();
    for (const [width, shown] of [[620, true], [500, true], [410, true], [380, false], [300, false]] as const) {
      await page.setViewportSize({ width, height: 600 });
      await eventually(async () => { assert.equal((await label.boundingBox())?.width !== 1, shown, `${width}`); });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, `${width}: nothing beside the page`);
    }
  }));

  for (const [name, theme] of [['dark', DARK], ['light', LIGHT], ['high-contrast', HIGH_CONTRAST]] as const) {
    it(`breaks no rule of accessibility, and looks as it should: ${name}`, () => withScreen(theme, async (panel) => {
      await until('the first picture', async () => await dot(panel, 10, 10) === '255,0,0');
      await panel.page.locator('[data-act=type]').click();
      await panel.page.focus('#surface');
      await panel.page.keyboard.press('Enter');
      await panel.page.locator('.where.captured').waitFor();
      await screenshot(panel.page, `screen-${name}`);
      assert.deepEqual(await accessibilityFaults(panel.page), []);
      await eventually(async () => { assert.equal(await panel.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true); });
    }));
  }
});
