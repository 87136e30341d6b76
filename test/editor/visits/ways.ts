// Ways through the panels that are the same on every guest: what a visit shows of its guest stands with it.
import type { Frame } from 'playwright-core';
import { tabTo, type Visit } from '../harness/panelVisits';
import { waitUntil } from '../harness/workbench';

/** All of a visit but what its guest is to show. */
type Way = Omit<Visit, 'shows' | 'content'>;

/** Walks an address through both trees of Page Tables, up to what is said of it. */
export async function walkTo(panel: Frame, address: string, verdict: RegExp): Promise<void> {
  await panel.locator('input[data-field=address]').fill(address);
  await panel.locator('form[data-form=walk] button').click();
  await panel.locator('.walk .verdict').filter({ hasText: verdict }).waitFor();
}

/** Waits until Physical Memory has pages of all these kinds. */
export async function waitForKinds(panel: Frame, ...wanted: readonly string[]): Promise<void> {
  await waitUntil(`pages of the kinds ${wanted.join(', ')}`, () => panel.locator('.legend .entry:not(.none)').allInnerTexts(),
    (kinds) => wanted.every((each) => kinds.some((kind) => kind.includes(each))));
}

export const PHYSICAL_MEMORY: Way = {
  title: 'Physical Memory',
  keys: async (panel, page) => {
    await tabTo(panel, page, '#map');
    const title = await panel.locator('.detail h2').innerText();
    await page.keyboard.press(']');
    await panel.locator('.detail h2').filter({ hasNotText: title }).waitFor();
    await page.keyboard.press('+');
    await page.keyboard.press('m');
    await page.keyboard.press('Enter');
    await panel.locator('.detail:focus').waitFor();
  },
  ready: (panel) => panel.locator('.dump').waitFor(),
};

/** Chooses the gate of the page fault, and waits for its handler's name. */
export async function chooseFaultGate(panel: Frame, handler: string): Promise<void> {
  await panel.locator('[data-field=filter]').fill('#PF');
  await panel.locator('[data-line="idt:14"]').filter({ hasText: handler }).click();
  await panel.locator('.uses li').filter({ hasText: 'exception works' }).waitFor();
}

export const DESCRIPTOR_TABLES: Way = {
  title: 'Descriptor Tables',
  keys: async (panel, page) => {
    await tabTo(panel, page, '[data-field=filter]');
    for (const key of ['Escape', 'End', 'Home', 'ArrowDown', 'Enter']) await page.keyboard.press(key);
    await panel.locator('.detail:focus').waitFor();
    await page.keyboard.press('Escape');
    await panel.locator('#tables:focus').waitFor();
  },
  ready: (panel) => panel.locator('[data-line^="gdt:"]').first().waitFor(),
};

/** @param found what is typed into the filter; registers have it in their names */
export const devices = (found: string): Way => ({
  title: 'Devices',
  keys: async (panel, page) => {
    await tabTo(panel, page, '[data-tab=events]');
    for (const tab of ['interrupts', 'registers']) {
      await page.keyboard.press('ArrowLeft');
      await panel.locator(`[data-tab=${tab}]:focus`).waitFor();
    }
    // The filter comes with what is filtered.
    await panel.locator('#tree .row').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type(found);
    await page.keyboard.press('ArrowDown');
    await panel.locator('#tree:focus').waitFor();
    await panel.locator('.row.register').first().waitFor();
  },
  ready: (panel) => panel.locator('.row.register').first().waitFor(),
});

export const SCREEN: Way = {
  title: 'Screen',
  keys: async (panel, page) => {
    await tabTo(panel, page, '[data-act=copy]');
    await page.keyboard.press('Enter');
    await panel.locator('.message').getByText('Copied the screen\'s text.').waitFor();
  },
  ready: (panel) => panel.locator('#surface').waitFor(),
};

/** The text of the guest's screen, as a screen reader has it. */
export const screenText = async (panel: Frame): Promise<string> => (await panel.locator('section.unseen > div').allTextContents()).join('\n').trim();

/** Goes to how code is run. */
export async function showExecution(panel: Frame, ...captions: readonly string[]): Promise<void> {
  await panel.locator('[data-tab=execution]').click();
  await panel.locator('.mode').filter({ hasText: /^Now (direct|guarded|interpreted|stepped)/ }).waitFor();
  for (const words of captions) await panel.locator('caption').filter({ hasText: words }).waitFor();
}
