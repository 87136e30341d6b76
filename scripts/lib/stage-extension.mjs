// Puts our extension into an editor's extensions folder, unpacked, as an installed one would lie there.
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './paths.mjs';
import { run } from './progress.mjs';
import { ensureVsCode } from './vscode-install.mjs';
import { extensionFiles } from './vsix.mjs';

/**
 * The empty folder that an extension goes to, in place of an older one.
 * VS Code keeps a list of what it found there (extensions.json) and would drop what is not on it; without
 * that list it looks at the folders again.
 * @param {string} extensionsDir
 * @param {string} source a folder with a package.json
 */
async function emptyTarget(extensionsDir, source) {
  const manifest = JSON.parse(await readFile(path.join(source, 'package.json'), 'utf8'));
  const target = path.join(extensionsDir, `${manifest.publisher}.${manifest.name}-${manifest.version}`);
  await rm(target, { recursive: true, force: true });
  await rm(path.join(extensionsDir, 'extensions.json'), { force: true });
  await mkdir(target, { recursive: true });
  return target;
}

/**
 * Stages Shadowbox as it is built in dist/: the very files that the VSIX has.
 * @param {string} extensionsDir
 * @returns {Promise<string>} the staged folder
 * @throws {UserError} when dist/ has not been built
 */
export async function stageShadowbox(extensionsDir) {
  const files = await extensionFiles();
  const target = await emptyTarget(extensionsDir, root);
  for (const { name, data } of files) {
    const file = path.join(target, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, data);
  }
  return target;
}

/** Stages another unpacked extension, all of it (the tests' own). */
export async function stageFolder(extensionsDir, source) {
  const target = await emptyTarget(extensionsDir, source);
  await cp(source, target, { recursive: true });
  return target;
}

/** Has VS Code itself install a package, into a profile of its own. */
export async function installVsix(vsix, { extensionsDir, userDataDir }) {
  const { node, entry } = await ensureVsCode();
  const config = path.join(userDataDir, 'install.yaml');
  await run('installing the VSIX', node, [entry, '--install-extension', vsix, '--extensions-dir', extensionsDir, '--user-data-dir', userDataDir, '--config', config], {
    env: { ...process.env, EXTENSIONS_GALLERY: '{}', XDG_DATA_HOME: path.join(userDataDir, 'data') },
  });
}
