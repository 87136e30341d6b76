// `npm run test:electron`: runs the suite of test/editor/inside in the desktop VS Code, which @vscode/test-electron
// downloads. `npm test` runs the same files in VS Code from npm.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildInsideSuite } from './lib/inside-suite.mjs';
import { cache, root, samples } from './lib/paths.mjs';
import { main, say, step, UserError } from './lib/progress.mjs';
import { setUp } from './lib/set-up.mjs';
import { stageShadowbox } from './lib/stage-extension.mjs';

/** Linux without a screen: Electron needs one, and xvfb-run gives it a virtual one. */
function needsVirtualScreen() {
  return process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY;
}

/** Starts this script anew on a virtual screen, where set-up and download find all of it there. */
function againWithVirtualScreen() {
  const { status, error } = spawnSync('xvfb-run', ['-a', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' });
  if (error !== undefined) {
    throw new UserError('The desktop VS Code needs a screen, and there is neither $DISPLAY nor xvfb-run (Debian: apt-get install xvfb). `npm test` runs the same suite without a screen.');
  }
  process.exitCode = status ?? 1;
}

async function download(version) {
  const { downloadAndUnzipVSCode } = await import('@vscode/test-electron');
  try {
    return await downloadAndUnzipVSCode({ version, cachePath: path.join(cache, 'vscode-desktop') });
  } catch (error) {
    throw new UserError(`VS Code (${version}) could not be downloaded, so the suite did NOT run: ${error instanceof Error ? error.message : String(error)}\nIt needs update.code.visualstudio.com. \`npm test\` runs the same suite in VS Code from npm.`);
  }
}

async function runSuite(vscodeExecutablePath) {
  const { runTests } = await import('@vscode/test-electron');
  const profile = await mkdtemp(path.join(cache, 'electron-'));
  try {
    const extensionDevelopmentPath = await stageShadowbox(path.join(profile, 'extensions'));
    const { suite } = await buildInsideSuite();
    // Electron refuses its sandbox to root.
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    await runTests({
      vscodeExecutablePath,
      extensionDevelopmentPath,
      extensionTestsPath: suite,
      launchArgs: [samples, '--disable-extensions', '--disable-workspace-trust', '--user-data-dir', path.join(profile, 'user-data'), ...sandbox],
    });
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

await main(async () => {
  const { values } = parseArgs({ options: { 'vscode-version': { type: 'string', default: 'stable' } } });
  await setUp();
  const executable = await download(values['vscode-version']);
  if (needsVirtualScreen()) {
    againWithVirtualScreen();
    return;
  }
  await step('Suite inside VS Code', () => runSuite(executable));
  say(`Passed in the desktop VS Code of ${path.relative(root, executable)}`);
});
