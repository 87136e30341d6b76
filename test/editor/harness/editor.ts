// Opens a real VS Code for a test: its own server and profile, Shadowbox staged in it, a Chromium page on it.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import type { RunningEditor } from '../../../scripts/lib/editor.mjs';
import { extensionsDir, startEditor } from '../../../scripts/lib/editor.mjs';
import { cache } from '../../../scripts/lib/paths.mjs';
import { installVsix, stageFolder, stageShadowbox } from '../../../scripts/lib/stage-extension.mjs';
import { ensureVsCode } from '../../../scripts/lib/vscode-install.mjs';
import { leaveOut } from '../../support/leaveOut';

const WINDOW = { width: 1400, height: 900 };
/** An editor whose test was killed ends by itself after so many seconds without a window. */
const IDLE_SECONDS = 120;
const WORKBENCH_TIMEOUT_MS = 60_000;
/** No extension gallery: nothing that a test sees may depend on the network. */
const NO_GALLERY = { EXTENSIONS_GALLERY: '{}' };

/** Settings that tests stand on: the DOM renderer keeps a terminal's text where it can be read. */
const TEST_SETTINGS = {
  'terminal.integrated.gpuAcceleration': 'off',
  'files.hotExit': 'off',
  'debug.toolBarLocation': 'floating',
  'editor.minimap.enabled': false,
  'git.enabled': false,
  'workbench.reduceMotion': 'on',
};

export interface EditorRequest {
  /** The folder to open; it is opened in place. */
  readonly folder: string;
  /** A package of Shadowbox to install, as a person would, instead of its unpacked files. */
  readonly vsix?: string;
  /** Further unpacked extensions to load. */
  readonly extensions?: readonly string[];
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the folder is opened in Restricted Mode, until it is trusted. */
  readonly asksForTrust?: boolean;
}

export interface OpenEditor {
  readonly page: Page;
  readonly url: string;
  /** Ends browser and server, and removes the profile. */
  close(): Promise<void>;
}

/** Where Chromium is, or undefined: $CHROMIUM if that is set, else the places that systems put it. */
function chromiumPath(): string | undefined {
  const places = process.env.CHROMIUM !== undefined ? [process.env.CHROMIUM] : [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ];
  return places.find((place) => existsSync(place));
}

/** Chromium refuses its sandbox to root, and should fetch nothing of its own accord. */
function chromiumFlags(): string[] {
  const flags = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return process.getuid?.() === 0 ? ['--no-sandbox', ...flags] : flags;
}

/**
 * Why tests in a real editor cannot run here, or undefined if they can. Installs VS Code from npm if need be,
 * which takes about half a minute the first time.
 */
export async function whyNoEditor(): Promise<string | undefined> {
  if (chromiumPath() === undefined) return 'there is no Chromium (Debian: apt-get install chromium; or give its path in $CHROMIUM)';
  try {
    await ensureVsCode();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * For a suite's `before`: leaves the suite's tests out, and says so with the reason, where no editor can be had.
 * Mocha then counts them as pending, not as passed.
 */
export async function requireEditor(context: Mocha.Context): Promise<void> {
  const reason = await whyNoEditor();
  if (reason === undefined) return;
  leaveOut(context, reason);
}

async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: WINDOW });
  await page.goto(url);
  await page.locator('.monaco-workbench').waitFor({ timeout: WORKBENCH_TIMEOUT_MS });
  // The explorer lists files once the connection to the server stands.
  await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: WORKBENCH_TIMEOUT_MS });
  return page;
}

/** Starts VS Code on a folder with Shadowbox in it, and opens it in Chromium. The caller closes it. */
export async function openEditor(request: EditorRequest): Promise<OpenEditor> {
  const profiles = path.join(cache, 'vscode', 'tests');
  await mkdir(profiles, { recursive: true });
  const profile = await mkdtemp(path.join(profiles, 'profile-'));
  let server: RunningEditor | undefined;
  let browser: Browser | undefined;
  const close = async () => {
    await browser?.close();
    await server?.stop();
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    if (request.vsix === undefined) await stageShadowbox(extensionsDir(profile));
    else await installVsix(request.vsix, { extensionsDir: extensionsDir(profile), userDataDir: path.join(profile, 'user-data') });
    for (const extension of request.extensions ?? []) await stageFolder(extensionsDir(profile), extension);
    server = await startEditor({
      folder: request.folder,
      profile,
      idleSeconds: IDLE_SECONDS,
      asksForTrust: request.asksForTrust === true,
      settings: { ...TEST_SETTINGS, ...request.settings },
      env: { ...NO_GALLERY, ...request.env },
    });
    browser = await chromium.launch({ executablePath: chromiumPath() ?? '', args: chromiumFlags() });
    return { page: await openPage(browser, server.url), url: server.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
