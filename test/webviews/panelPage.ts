/**
 * The bundled panel in Chromium, with a stand-in for VS Code around it: the same page and policy as the extension
 * serves, a machine (or a fake one) behind the messages, a theme's variables.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { webviewBundle } from '../../scripts/lib/bundles.mjs';
import { root, testResults } from '../../scripts/lib/paths.mjs';
import { leaveOut } from '../support/leaveOut';
import { marksAstray, pseudoWords, stringsIn, unmarkedTexts } from './pseudo';
import { standInScript } from './standIn';
import type { Theme } from './themes';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const ORIGIN = 'http://panel.test';
const NONCE = 'bm9uY2U=';

/** Why the panel cannot be tried in a browser here; undefined when it can. */
function whyNoBrowser(): string | undefined {
  return existsSync(CHROMIUM) ? undefined : 'there is no Chromium (Debian: apt-get install chromium; or give its path in $CHROMIUM)';
}

function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** The panel's script and style as the build makes them. */
async function bundlePanel(name: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const kind of ['ts', 'css']) {
    const out = `${name}.${kind === 'ts' ? 'js' : kind}`;
    const { outputFiles } = await build({ ...webviewBundle(path.join(root, 'webviews', name, `main.${kind}`), out), write: false });
    files.set(out, outputFiles?.[0]?.text ?? '');
  }
  return files;
}

const attribute = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');

const html = (name: string, theme: Theme, words: Readonly<Record<string, string>> | undefined) => `<!DOCTYPE html>
<html lang="en"><head><meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-${NONCE}'; style-src ${ORIGIN}; font-src ${ORIGIN} data:; img-src ${ORIGIN} data:">
<title>${name}</title><link rel="stylesheet" href="${ORIGIN}/${name}.css"></head>
<body class="${theme.bodyClass}"><div id="root"${words === undefined ? '' : ` data-words="${attribute(JSON.stringify(words))}"`}></div><script nonce="${NONCE}" src="${ORIGIN}/${name}.js"></script></body></html>`;

const FIRST_PICTURE_MS = 10_000;

export interface OpenPanel {
  readonly page: Page;
  /** The questions that came, in order. */
  readonly asked: { readonly request: string; readonly arguments: unknown }[];
  /** What broke the page's policy, and what went wrong in its script. */
  readonly complaints: string[];
  /** In the theme PSEUDO: what is on the page in English that is neither the machine's nor a name. */
  untranslated(): Promise<string[]>;
  /** Sends the panel an event as the extension does. */
  tell(event: string, body?: unknown): Promise<void>;
  close(): Promise<void>;
}

interface Opening {
  readonly files: ReadonlyMap<string, string>;
  readonly name: string;
  /** Answers a question with its body (or a promise of it), or throws an error with the words to show. */
  readonly ask: (request: string, args: object) => unknown;
  readonly theme: Theme;
  readonly size?: { readonly width: number; readonly height: number };
  /** What VS Code has kept of the panel. */
  readonly kept?: unknown;
}

/** Opens the panel and waits for its first picture. */
async function openPanel(browser: Browser, { files, name, ask, theme, size, kept }: Opening): Promise<OpenPanel> {
  const context = await browser.newContext({ viewport: size ?? { width: 1400, height: 900 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const asked: OpenPanel['asked'] = [];
  const data: string[] = [name];
  const words = theme.pseudo === true ? pseudoWords() : undefined;
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.route(`${ORIGIN}/**`, async (route) => {
    const file = new URL(route.request().url()).pathname.slice(1);
    const contentType = file.endsWith('.js') ? 'text/javascript' : file.endsWith('.css') ? 'text/css' : 'text/html';
    await route.fulfill({ contentType, body: file === '' ? html(name, theme, words) : files.get(file) ?? '' });
  });
  await page.exposeFunction('askMachine', async (message: { id: number; request: string; arguments: object }) => {
    asked.push({ request: message.request, arguments: message.arguments });
    try {
      const body = await ask(message.request, message.arguments);
      if (words !== undefined) data.push(...stringsIn(body));
      return { id: message.id, body };
    } catch (error) {
      return { id: message.id, error: error instanceof Error ? error.message : String(error) };
    }
  });
  await page.addInitScript(standInScript(theme.variables, kept));
  await page.goto(`${ORIGIN}/`);
  await page.locator('.toolbar').waitFor({ timeout: FIRST_PICTURE_MS }).catch(() => {
    throw new Error(`the panel shows nothing: ${complaints.join('; ')}`);
  });
  return {
    page, asked, complaints,
    tell: (event, body) => page.evaluate((message) => { window.postMessage(message); }, { event, body }),
    untranslated: () => unmarkedTexts(page, data),
    close: () => context.close(),
  };
}

/**
 * For a suite's body: a browser for its tests, which are left out, with the reason, where there is none.
 * @param ready what is on the panel when it can be looked at
 * @returns what opens the panel for a test and closes it again. Whatever the test is about: nothing breaks the page's policy, no script fails,
 *   and in the theme PSEUDO nothing is translated but what a person reads.
 */
export function usePanel(name: string, ready = '.toolbar'): (opening: Omit<Opening, 'files' | 'name'>, body: (panel: OpenPanel) => Promise<void>) => Promise<void> {
  let browser: Browser | undefined;
  let files: ReadonlyMap<string, string> = new Map();
  before(async function () {
    const reason = whyNoBrowser();
    if (reason !== undefined) leaveOut(this, reason);
    files = await bundlePanel(name);
    browser = await launchBrowser();
  });
  after(async () => { await browser?.close(); });
  return async (opening, body) => {
    assert.ok(browser);
    const panel = await openPanel(browser, { ...opening, files, name });
    try {
      await panel.page.locator(ready).first().waitFor();
      await body(panel);
      assert.deepEqual(panel.complaints, []);
      if (opening.theme.pseudo === true) assert.deepEqual(await marksAstray(panel.page), []);
    } finally {
      await panel.close();
    }
  };
}

/** Takes a picture into test-results/screenshots/<name>.png. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = path.join(testResults, 'screenshots');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}
