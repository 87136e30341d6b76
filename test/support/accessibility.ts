/** Rules of accessibility, checked by axe-core in a page or a frame of one. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Frame, Page } from 'playwright-core';

/** Where the browser finds axe-core's script. */
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/**
 * What of a page as it is now breaks a rule of axe-core (WCAG 2.1, levels A and AA), a line for each: the rule, what it asks, and
 * where. Rules about whole documents (landmarks, headings) are left out: VS Code puts the page into one of its own.
 * @param part a selector: only what is in there is looked at
 */
export async function accessibilityFaults(page: Page | Frame, part?: string): Promise<string[]> {
  await page.evaluate(readFileSync(AXE, 'utf8'));
  // Cells speak in words what they show in letters and numbers, which is what the rule left out objects to: it is meant for controls.
  const { violations } = await page.evaluate(`axe.run(${part === undefined ? 'document' : JSON.stringify(part)}, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], rules: { 'label-content-name-mismatch': { enabled: false } },
  })`) as AxeResults;
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target, failureSummary = '' }) => `${target.join(' ')} (${failureSummary.replaceAll(/\s+/g, ' ')})`).join('; ')}`);
}
