// Puts our extension into an editor's extensions folder, unpacked, as an installed one would lie there.
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { root } from './paths.mjs';
import { UserError } from './progress.mjs';

/** What an installed Shadowbox consists of; what does not exist is left out. */
const CONTENTS = ['package.json', 'package.nls.json', 'l10n', 'dist', 'media', 'README.md', 'LICENSE'];

/**
 * Copies an unpacked extension into `extensionsDir`, in place of an older one.
 * VS Code keeps a list of what it found there (extensions.json) and would drop what is not on it; without
 * that list it looks at the folders again.
 * @param {string} extensionsDir
 * @param {string} source a folder with a package.json
 * @param {string[]} contents which files and folders of `source` to take
 * @returns {Promise<string>} the staged folder
 */
async function stage(extensionsDir, source, contents) {
  const manifest = JSON.parse(await readFile(path.join(source, 'package.json'), 'utf8'));
  const target = path.join(extensionsDir, `${manifest.publisher}.${manifest.name}-${manifest.version}`);
  await rm(target, { recursive: true, force: true });
  await rm(path.join(extensionsDir, 'extensions.json'), { force: true });
  await mkdir(target, { recursive: true });
  for (const name of contents.filter((each) => existsSync(path.join(source, each)))) {
    await cp(path.join(source, name), path.join(target, name), { recursive: true });
  }
  return target;
}

/**
 * Stages Shadowbox as it is built in dist/.
 * @param {string} extensionsDir
 * @returns {Promise<string>} the staged folder
 * @throws {UserError} when dist/ has not been built
 */
export async function stageShadowbox(extensionsDir) {
  if (!existsSync(path.join(root, 'dist', 'extension.js'))) {
    throw new UserError('dist/extension.js is missing; `npm run build` makes it.');
  }
  return stage(extensionsDir, root, CONTENTS);
}

/** Stages another unpacked extension, all of it (the tests' own). */
export function stageFolder(extensionsDir, source) {
  return stage(extensionsDir, source, ['.']);
}
