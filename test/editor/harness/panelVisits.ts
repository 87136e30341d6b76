// What every panel has to keep, whatever the guest: it shows what it promises, can be gone through by keys alone, is quiet while the guest stands, and
// breaks no rule of accessibility in light, dark and high contrast. Pictures of all of them go to test-results/screenshots/.
import assert from 'node:assert/strict';
import type { Frame, Page } from 'playwright-core';
import { accessibilityFaults } from '../../support/accessibility';
import type { SuiteEditor } from './suite';
import { chooseTheme, panelFrame, runCommand, screenshot, waitUntil } from './workbench';

const THEMES = [['light', 'Light 2026'], ['dark', 'Dark 2026'], ['high-contrast', 'Dark High Contrast']] as const;
/** More stops of the Tab key than any panel has before what is looked for. */
const MOST_TABS = 60;

/** What is looked at of one panel. */
export interface Visit {
  /** The panel's title, which is in its command's, too. */
  readonly title: string;
  /** What it promises to show of this guest. */
  readonly shows: string;
  content(panel: Frame, page: Page): Promise<void>;
  /** A way through the panel that needs no mouse; missing where there is nothing to do. */
  readonly keys?: (panel: Frame, page: Page) => Promise<void>;
  /** Resolves when it can be looked at. */
  ready(panel: Frame): Promise<void>;
}

/** Brings a panel to the front, as a person does. */
export async function showPanel(page: Page, title: string): Promise<Frame> {
  await runCommand(page, `Shadowbox: Show ${title}`);
  await page.locator('.tab.active').filter({ hasText: title }).first().waitFor();
  return panelFrame(page, title);
}

/** Goes from one place of the panel to the next with the Tab key until one of these has the focus. */
export async function tabTo(panel: Frame, page: Page, selector: string): Promise<void> {
  // From the page's beginning: the panel may have given the focus back to where it was last.
  await panel.evaluate(() => {
    window.focus();
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
  });
  await page.locator('.editor-group-container.active .tab.active').filter({ hasText: await panel.title() }).waitFor();
  for (let presses = 0; presses < MOST_TABS; presses++) {
    if (await panel.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${MOST_TABS} presses of Tab do not lead to ${selector}`);
}

/** The name of the source or listing that stands beside the panels. */
export function sourceBeside(page: Page): Promise<string> {
  return page.locator('.editor-group-container').first().locator('.tab.active').innerText();
}

/**
 * Waits until the keyboard is with this place of the panel, for the page as for VS Code, without doing anything for it, after a way to another moment: when VS Code
 * has opened that moment's source, for which it takes the keyboard. `before` is what stood beside the panels until then.
 */
export async function waitForKeys(panel: Frame, page: Page, selector: string, before: string): Promise<void> {
  await waitUntil('the source of the other moment', () => sourceBeside(page), (now) => now !== before);
  const title = await panel.title();
  await waitUntil(`the keyboard to be with ${selector}`, async () => (
    await panel.evaluate((wanted) => document.hasFocus() && document.activeElement?.matches(wanted) === true, selector)
    && (await page.locator('.editor-group-container.active .tab.active').innerText()).includes(title)
  ), Boolean);
}

/** How long a panel is watched for messages and changes of its page. */
const QUIET_MS = 1000;

/** What comes to a panel, and is changed on its page, in a second. */
function stirrings(panel: Frame): Promise<{ readonly messages: number; readonly changes: readonly string[] }> {
  // Without a name for a function in it: what compiles these files would call something that the page does not have.
  return panel.evaluate((milliseconds) => new Promise((resolve) => {
    const seen = { messages: 0, changes: new Array<string>() };
    const observer = new MutationObserver((all) => {
      for (const { type, target } of all) seen.changes.push(`${type} of ${target instanceof Element ? target.outerHTML.slice(0, 100) : target.textContent}`);
    });
    observer.observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
    const listening = new AbortController();
    window.addEventListener('message', () => { seen.messages++; }, { signal: listening.signal });
    setTimeout(() => {
      observer.disconnect();
      listening.abort();
      resolve(seen);
    }, milliseconds);
  }), QUIET_MS);
}

/** The tests of all visits, with the editor that a suite has opened; `name` begins the pictures' names. */
export function visitPanels(name: string, editor: SuiteEditor, visits: readonly Visit[]): void {
  for (const { title, shows, content, keys } of visits) {
    it(`${title} shows ${shows}`, async () => {
      const { page } = editor;
      await content(await showPanel(page, title), page);
    });
    if (keys !== undefined) it(`${title} is gone through by keys`, async () => {
      const { page } = editor;
      await keys(await showPanel(page, title), page);
    });
  }
  it('all of them are quiet while the guest stands: nothing is asked, nothing on the page changes', async function () {
    this.timeout(180_000);
    const { page } = editor;
    for (const { title, ready } of visits) {
      const panel = await showPanel(page, title);
      await ready(panel);
      // What it asks at first may take a while to come.
      await waitUntil(`${title} to be quiet`, () => stirrings(panel), ({ messages, changes }) => messages === 0 && changes.length === 0);
    }
  });
  for (const [words, theme] of THEMES) {
    it(`all of them look as they should and break no rule of accessibility: ${words}`, async function () {
      this.timeout(180_000);
      const { page } = editor;
      await chooseTheme(page, theme);
      const faults: string[] = [];
      for (const { title, ready } of visits) {
        const panel = await showPanel(page, title);
        await ready(panel);
        await screenshot(page, `${name}-${title.toLowerCase().replaceAll(' ', '-')}-${words}`);
        faults.push(...(await accessibilityFaults(panel)).map((fault) => `${title}: ${fault}`));
      }
      assert.deepEqual(faults, []);
    });
  }
}
