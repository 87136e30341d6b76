/**
 * Makes the documentation's pictures anew, with the guests themselves in a real VS Code:
 *
 *   npm run pictures [-- SCENE...]
 *
 * They are looked at by people before they are committed; that each is named in the documentation is a test's affair.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { buildAll } from '../../../scripts/lib/bundles.mjs';
import { samples } from '../../../scripts/lib/paths.mjs';
import { openEditor, whyNoEditor } from '../harness/editor';
import { screenshot } from '../harness/workbench';
import { Camera } from './camera';
import { debian, disk, makeDebianFolder, makeDiskFolder } from './debian';
import { PICTURES, type Scene } from './list';
import { pagingLab } from './pagingLab';

const WINDOW = { width: 1480, height: 820 };

/** What is opened for each scene, and who takes its pictures. */
const SCENES: Readonly<Record<Scene, { readonly folder: (place: string) => Promise<string>; readonly take: (page: Page, camera: Camera) => Promise<void> }>> = {
  'paging-lab': { folder: () => Promise.resolve(samples), take: pagingLab },
  debian: { folder: makeDebianFolder, take: debian },
  disk: { folder: makeDiskFolder, take: disk },
};

/** Opens the editor on the scene's folder, and has all its pictures taken. */
async function shoot(scene: Scene): Promise<void> {
  console.log(scene);
  const place = await mkdtemp(path.join(os.tmpdir(), 'pictures-'));
  const { folder: makeFolder, take } = SCENES[scene];
  const folder = await makeFolder(path.join(place, scene));
  const editor = await openEditor({ folder });
  try {
    await editor.page.setViewportSize(WINDOW);
    const camera = new Camera(editor.page, scene);
    await take(editor.page, camera);
    camera.finish();
  } catch (error) {
    console.error(`the window when it went wrong: ${await screenshot(editor.page, `pictures-${scene}`)}`);
    throw error;
  } finally {
    await editor.close();
    await rm(place, { recursive: true });
  }
}

const isScene = (word: string): word is Scene => Object.hasOwn(PICTURES, word);
const all = Object.keys(PICTURES).filter(isScene);

async function main(words: readonly string[]): Promise<void> {
  const unknown = words.find((word) => !isScene(word));
  if (unknown !== undefined) throw new Error(`there is no scene '${unknown}'; scenes: ${all.join(', ')}`);
  const reason = await whyNoEditor();
  if (reason !== undefined) throw new Error(reason);
  await buildAll();
  for (const scene of all.filter((each) => words.length === 0 || words.includes(each))) await shoot(scene);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
