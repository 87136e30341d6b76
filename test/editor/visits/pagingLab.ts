// The panels on the sample paging-lab, where it stands in its page fault handler: what each shows of it, and a way through each by keys.
import { sourceBeside, tabTo, waitForKeys, type Visit } from '../harness/panelVisits';
import { callStack, waitUntil } from '../harness/workbench';
import { chooseFaultGate, DESCRIPTOR_TABLES, devices, PHYSICAL_MEMORY, SCREEN, screenText, showExecution, waitForKinds, walkTo } from './ways';

/** The page that two tasks share, copied on write (layout.h); one of them has just written to it. */
const NOTEBOOK = '0x60000000';

/** What each panel promises when the guest stands in copy_on_write, on the way to copy a page. */
export const PAGING_LAB_VISITS: readonly Visit[] = [
  {
    title: 'Page Tables',
    shows: 'the directory beside its shadow, and a walk to the page that is to be copied',
    content: async (panel) => {
      await walkTo(panel, NOTEBOOK, /^Mapped to physical [0-9A-F]{8}: read-only, user\.$/);
    },
    keys: async (panel, page) => {
      await tabTo(panel, page, '#trees');
      await page.keyboard.press('Home');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await panel.locator('.walk h2').filter({ hasText: 'Walk of 00000000' }).waitFor();
    },
    ready: (panel) => panel.locator('.walk .verdict').waitFor(),
  },
  {
    ...PHYSICAL_MEMORY,
    shows: 'the kernel’s pages as code, page tables, and devices; and who maps one',
    content: async (panel, page) => {
      await waitForKinds(panel, 'RAM', 'Page table', 'Code', 'Untouched', 'Video memory', 'Device');
      await panel.locator('[data-field=address]').fill('0x00100000');
      await page.keyboard.press('Enter');
      await panel.locator('.detail table').filter({ hasText: '0x100000' }).filter({ hasText: 'supervisor' }).waitFor();
    },
  },
  {
    title: 'Registers',
    shows: 'EIP with its function, and paging switched on',
    content: async (panel) => {
      await panel.locator('.mode').filter({ hasText: '32-bit protected mode, CPL 0' }).waitFor();
      await panel.locator('[data-row=eip]').filter({ hasText: 'copy_on_write' }).waitFor();
      await panel.locator('[data-cell="cr0.pg"].on').waitFor();
    },
    keys: async (panel, page) => {
      await tabTo(panel, page, '#registers');
      await page.keyboard.press('/');
      await page.keyboard.type('cr2');
      await panel.locator('[data-row=eip]').waitFor({ state: 'detached' });
      await page.keyboard.press('Escape');
      await panel.locator('[data-row=eip]').waitFor();
    },
    ready: (panel) => panel.locator('[data-row=eip]').waitFor(),
  },
  {
    ...DESCRIPTOR_TABLES,
    shows: 'the gate of the page fault with its handler',
    content: async (panel) => {
      await chooseFaultGate(panel, 'stub_14');
    },
  },
  {
    ...devices('interrupt mask'),
    shows: 'the timer’s line and its next event',
    content: async (panel) => {
      await panel.locator('[data-tab=interrupts]').click();
      await panel.locator('tr').filter({ hasText: 'IRQ 0' }).filter({ hasText: 'pit' }).waitFor();
      await panel.locator('[data-tab=events]').click();
      await panel.locator('tr').filter({ hasText: 'pit' }).waitFor();
    },
  },
  {
    ...SCREEN,
    shows: 'the guest’s own window of text, as a screen reader finds it, too',
    content: async (panel) => {
      await waitUntil('the guest’s text', () => screenText(panel), (text) => text !== '');
    },
  },
  {
    title: 'Disks',
    shows: 'that there are no drives, and how one is added',
    content: async (panel) => {
      await panel.locator('.notice').filter({ hasText: /This machine has no drives[^]*launch configuration/ }).waitFor();
    },
    ready: (panel) => panel.locator('.notice').waitFor(),
  },
  {
    title: 'Time',
    shows: 'the run so far with its stop at the breakpoint',
    content: async (panel) => {
      await panel.locator('.where').filter({ hasText: ': the furthest moment' }).waitFor();
      await panel.locator('.stops .diamond').first().waitFor();
    },
    keys: async (panel, page) => {
      await tabTo(panel, page, '#line');
      const source = await sourceBeside(page);
      await page.keyboard.press('Home');
      await panel.locator('.where').filter({ hasText: 'in the past' }).waitFor();
      // The source of that moment opens beside it; the keys are still the panel's.
      await waitUntil('the call stack at the beginning', () => callStack(page), ([top]) => top?.name === '_start');
      await waitForKeys(panel, page, '#line', source);
      await page.keyboard.press('End');
      await panel.locator('.where').filter({ hasText: ': the furthest moment' }).waitFor();
    },
    ready: (panel) => panel.locator('.snapshots .mark').first().waitFor({ state: 'attached' }),
  },
  {
    title: 'Translations',
    shows: 'how code is run and why, and the way to a profile',
    content: async (panel) => {
      await showExecution(panel, 'Exits and causes');
    },
    keys: async (panel, page) => {
      await tabTo(panel, page, '[data-tab=execution]');
      await page.keyboard.press('ArrowRight');
      await panel.locator('[data-tab=profile]:focus').waitFor();
      await tabTo(panel, page, '[data-profile=start]');
      await page.keyboard.press('Enter');
      await panel.locator('[data-profile=stop]').waitFor();
      await page.keyboard.press('Enter');
      await panel.locator('[data-profile=start]').waitFor();
      await tabTo(panel, page, '[data-tab=profile]');
      await page.keyboard.press('ArrowLeft');
      await panel.locator('[data-tab=execution]:focus').waitFor();
    },
    ready: (panel) => panel.locator('.sheet .mode').waitFor(),
  },
];
