// What every suite in a real VS Code has in common: its window is opened before the first test and closed behind the last, and a picture of it is
// taken where a test fails.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { openEditor, requireEditor, type EditorRequest, type OpenEditor } from './editor';
import { screenshotOfFailure } from './workbench';

/** Opening may have to build everything, and to install VS Code. */
const OPENING_MS = 300_000;

/** The suite's window; to be asked for in tests, when it is open. */
export interface SuiteEditor {
  readonly page: Page;
}

/**
 * For a suite's body. Its tests are left out, with the reason, where no editor can be had.
 * @param prepare says what to open; `temporary` makes a folder whose name begins so, which is removed when the suite is over
 */
export function useEditor(prepare: (context: Mocha.Context, temporary: (start: string) => Promise<string>) => Promise<EditorRequest>): SuiteEditor {
  let editor: OpenEditor | undefined;
  const folders: string[] = [];
  const temporary = async (start: string): Promise<string> => {
    const folder = await mkdtemp(start);
    folders.push(folder);
    return folder;
  };
  before(async function () {
    this.timeout(OPENING_MS);
    await requireEditor(this);
    editor = await openEditor(await prepare(this, temporary));
  });
  afterEach(async function () {
    await screenshotOfFailure(editor?.page, this);
  });
  after(async () => {
    await editor?.close();
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });
  return {
    get page() {
      assert.ok(editor, 'the window is not open');
      return editor.page;
    },
  };
}
