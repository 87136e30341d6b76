/**
 * A language in which every word of ours can be told from everything else: each letter is exchanged for its full-width form. What is
 * still plain on a page in it is data, a name, or a word that cannot be translated.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { root } from '../../scripts/lib/paths.mjs';

const FULL_WIDTH = 0xff21 - 0x41;
const marked = (text: string) => text.replaceAll(/[A-Za-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + FULL_WIDTH));

/** The table of words in that language, as VS Code would hand it to the extension. */
export function pseudoWords(): Readonly<Record<string, string>> {
  const english = JSON.parse(readFileSync(path.join(root, 'l10n', 'bundle.l10n.json'), 'utf8')) as Readonly<Record<string, string>>;
  return Object.fromEntries(Object.entries(english).map(([key, text]) => [key, marked(text)]));
}

/** Every string in an answer of the machine, however deep. */
export function stringsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  // Names of a type's members are no data; those of a map (addresses, names of registers and counters) are.
  const isMap = entries.every(([, inner]) => typeof inner === 'number');
  return entries.flatMap(([key, inner]) => [...(isMap || !/^[a-z][A-Za-z]*$/.test(key) ? [key] : []), ...stringsIn(inner)]);
}

/** Attributes that the page goes by and nobody reads, where they have words of that language in them. */
export function marksAstray(page: Page): Promise<string[]> {
  return page.evaluate(() => [...document.querySelectorAll('#root *')].flatMap((element) => (
    ['class', 'id', 'role', 'type', 'style'].map((name) => `${name}="${element.getAttribute(name) ?? ''}"`).filter((text) => /[\uff21-\uff5a]/.test(text))
  )));
}

/** Manuals' names and units, which are the same in every language: CR3, #PF, I/O, xmm0, 1.5 MiB, 0x1f. */
const NAME = /^(?:[A-Z]+s?|[BKMGTPE]i?B|[munp]?s|[kMG]?Hz|[A-Za-z]|ExtINT|Ethernet|Ctrl|Alt|Shift|Del|Tab|Esc|Pause|Print|Screen|Backspace|Windows|Menu|SysRq|Break|[a-f]+)$/;
const WORD = /[A-Za-z]+(?:[’'][a-z]+)*/g;

/** What a person reads or hears on the page: texts, and the attributes that are spoken or shown. */
function shown(): string[] {
  const attributes = ['title', 'aria-label', 'placeholder', 'aria-valuetext', 'aria-description', 'alt'];
  const texts: string[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (node instanceof Element) {
      if (node.tagName !== 'SCRIPT') texts.push(...attributes.map((name) => node.getAttribute(name) ?? ''));
    } else if (node.parentElement?.tagName !== 'SCRIPT') {
      texts.push(node.nodeValue ?? '');
    }
  }
  return texts.filter((text) => text.trim() !== '');
}

/** Texts of the page with plain words in them that are neither the machine's (`data`) nor names. */
export async function unmarkedTexts(page: Page, data: readonly string[]): Promise<string[]> {
  // A word of the data is data wherever it stands: panels quote it in sentences.
  const known = new Set(data.flatMap((text) => text.match(WORD) ?? []).map((word) => word.toLowerCase()));
  const isOurs = (word: string) => !NAME.test(word) && !known.has(word.toLowerCase());
  return [...new Set(await page.evaluate(shown))].filter((text) => {
    const rest = text.replaceAll(/0x[0-9a-f]+|\b\w*\d\w*\b/gi, ' ');
    return (rest.match(WORD) ?? []).some(isOurs);
  });
}
