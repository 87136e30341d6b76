// The Devices panel in a browser with a stand-in for the machine: the tree by keyboard, a register written, the other tabs.
// Pictures go to test-results/screenshots/.
import assert from 'node:assert/strict';
import { accessibilityFaults } from '../support/accessibility';
import { eventually } from './eventually';
import { devicesWith, EVENTS_AHEAD, INTERRUPT_PICTURE } from './devicesModel';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO, type Theme } from './themes';

class FakeDevices {
  mode = 0x34;
  readonly written: object[] = [];

  ask = (request: string, args: object): unknown => {
    switch (request) {
      case 'shadowbox.summary': return { running: false, retired: 1, time: 1, memoryBytes: 1, frames: 1 };
      case 'shadowbox.devices': return { devices: devicesWith(this.mode) };
      case 'shadowbox.interrupts': return INTERRUPT_PICTURE;
      case 'shadowbox.events': return EVENTS_AHEAD;
      case 'shadowbox.writeRegister':
        this.written.push(args);
        if ('value' in args && args.value === 0xff) throw new Error('A recording is being replayed.');
        this.mode = 'value' in args ? Number(args.value) : 0;
        return {};
      default: throw new Error(`The stand-in knows no request '${request}'.`);
    }
  };
}

describe('devices: in a browser', function () {
  this.timeout(30_000);
  const show = usePanel('devices');

  async function withDevices(theme: Theme, body: (panel: OpenPanel, machine: FakeDevices) => Promise<void>, kept?: unknown): Promise<void> {
    const machine = new FakeDevices();
    await show({ ask: machine.ask, theme, kept, size: { width: 1000, height: 600 } }, (panel) => body(panel, machine));
  }

  const row = ({ page }: OpenPanel, key: string) => page.locator(`[data-row="${key}"]`);

  it('says below its bar that no guest is running', () => withDevices(LIGHT, async (panel) => {
    await panel.page.setViewportSize({ width: 480, height: 600 });
    await panel.tell('session', null);
    const notice = panel.page.locator('.notice');
    await notice.filter({ hasText: 'No guest is running' }).waitFor();
    await eventually(async () => {
      const [bar, box] = [await panel.page.locator('.toolbar').boundingBox(), await notice.boundingBox()];
      assert.ok(bar && box && box.y >= bar.y + bar.height, JSON.stringify({ bar, box }));
    });
    assert.deepEqual(await accessibilityFaults(panel.page), []);
  }));

  it('opens, finds, pins and writes by keyboard', () => withDevices(DARK, async (panel, machine) => {
    const { page } = panel;
    await page.focus('#tree');
    for (const key of ['ArrowDown', '*', 'ArrowDown', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
    await page.locator('[data-row="pit/counters/TCW"][aria-selected=true]').waitFor();
    await eventually(async () => { assert.equal(await page.locator('#tree').getAttribute('aria-activedescendant'), await row(panel, 'pit/counters/TCW').getAttribute('id')); });
    await page.keyboard.press('ArrowRight');
    await page.locator('.row.field').filter({ hasText: 'rate generator' }).waitFor();
    await page.keyboard.press('p');
    await row(panel, 'pinned:pit/counters/TCW').waitFor();
    await page.keyboard.press('F2');
    await page.locator('[data-field=value]:focus').waitFor();
    await page.keyboard.type('0xff');
    await page.keyboard.press('Enter');
    await page.locator('.warning.error').filter({ hasText: 'being replayed' }).waitFor();
    await page.locator('[data-field=value]').fill('36h');
    await page.keyboard.press('Enter');
    await page.locator('.message.done').filter({ hasText: 'Wrote TCW.' }).waitFor();
    assert.deepEqual(machine.written.at(-1), { space: 'port', address: 0x43, bytes: 1, value: 0x36 });
    await row(panel, 'pit/counters/TCW').filter({ hasText: '0x36' }).waitFor();
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.id), 'tree'); });
    // A field of a command register, with the other bits as they are.
    await page.keyboard.press('/');
    await page.keyboard.type('PCICMD');
    await page.keyboard.press('ArrowDown');
    for (let steps = 0; steps < 10 && await row(panel, 'pci/configuration 3.0/PCICMD').getAttribute('aria-selected') !== 'true'; steps++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    for (let steps = 0; steps < 3; steps++) await page.keyboard.press('ArrowDown');
    await page.locator('.row.field[aria-selected=true]').filter({ hasText: 'BME' }).waitFor();
    await page.keyboard.press('F2');
    await page.locator('form').filter({ hasText: 'PCICMD.BME' }).waitFor();
    await page.keyboard.type('0');
    await page.keyboard.press('Enter');
    await page.locator('.message.done').filter({ hasText: 'Wrote PCICMD.BME.' }).waitFor();
    assert.deepEqual(machine.written.at(-1), { space: 'configuration', address: 0x1804, bytes: 2, value: 2 });
    await page.keyboard.press('/');
    await page.keyboard.type('vendor');
    await row(panel, 'pci/configuration 3.0/VID').waitFor();
    await eventually(async () => { assert.equal(await row(panel, 'exit').count(), 0); });
  }));

  it('says everything in the person\'s language', () => withDevices(PSEUDO, async (panel) => {
    const { page } = panel;
    await page.locator('.row').first().press('*');
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
    for (const tab of ['interrupts', 'events', 'pci']) {
      await page.locator(`[data-tab=${tab}]`).click();
      await page.locator('.sheet').waitFor();
      await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
    }
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
  }));

  it('marks what has changed since the last stop', () => withDevices(DARK, async (panel, machine) => {
    await panel.page.locator('[data-row=pit] [data-toggle]').click();
    await panel.page.locator('[data-row="pit/counters"] [data-toggle]').click();
    await panel.tell('stopped', {});
    await panel.page.waitForTimeout(200);
    machine.mode = 0x30;
    await panel.tell('stopped', {});
    await panel.page.locator('.row.changed').filter({ hasText: '0x30' }).waitFor();
    await eventually(async () => { assert.equal(await panel.page.locator('.row.changed').count(), 1); });
  }));

  it('has tabs that arrows go through', () => withDevices(DARK, async (panel) => {
    const { page } = panel;
    await page.focus('[data-tab=registers]');
    await page.keyboard.press('ArrowRight');
    await page.locator('tr').filter({ hasText: 'PIRQ B' }).filter({ hasText: 'in service, CPU 0' }).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.locator('tr').filter({ hasText: '838.00 µs' }).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.locator('tr').filter({ hasText: '00:03.0' }).waitFor();
    await eventually(async () => { assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-tab')), 'pci'); });
  }));

  for (const [name, theme] of [['dark', DARK], ['light', LIGHT], ['high-contrast', HIGH_CONTRAST]] as const) {
    it(`breaks no rule of accessibility, and looks as it should: ${name}`, () => withDevices(theme, async (panel) => {
      const { page } = panel;
      await row(panel, 'pit').waitFor();
      await page.focus('#tree');
      for (const key of ['ArrowDown', '*', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'p', 'ArrowRight', 'F2']) await page.keyboard.press(key);
      await page.locator('[data-field=value]:focus').waitFor();
      await screenshot(page, `devices-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.locator('[data-tab=interrupts]').click();
      await page.locator('tr').filter({ hasText: 'PIRQ B' }).waitFor();
      await screenshot(page, `devices-interrupts-${name}`);
      assert.deepEqual(await accessibilityFaults(page), []);
      for (const [tab, found] of [['events', '838.00 µs'], ['pci', '00:03.0']] as const) {
        await page.locator(`[data-tab=${tab}]`).click();
        await page.locator('tr').filter({ hasText: found }).waitFor();
        assert.deepEqual(await accessibilityFaults(page), [], tab);
      }
      await eventually(async () => { assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true); });
    }));
  }
});
