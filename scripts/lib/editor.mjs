// Runs VS Code from npm with our extension in it, served on this machine only: for `npm start` where no
// `code` is installed, and for the tests that drive a real editor.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from './progress.mjs';
import { ensureVsCode } from './vscode-install.mjs';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;
const OUTPUT_KEPT = 20_000;

/** A quiet editor: no welcome page, trust prompt, telemetry, updates, recommendations or experiments. */
const QUIET_SETTINGS = {
  'workbench.startupEditor': 'none',
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
};

/** Writes the settings unless the person has some already: those are theirs. */
async function writeSettings(userDataDir, settings) {
  const file = path.join(userDataDir, 'User', 'settings.json');
  if (existsSync(file)) return;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify({ ...QUIET_SETTINGS, ...settings }, null, 2)}\n`);
}

/** Ends the server with all that it started (workbench server, extension hosts, debug adapters): its process group. */
function signalGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

async function stopServer(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => { child.once('exit', resolve); });
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
  // The group's leader is gone; whatever it left behind goes too.
  signalGroup(child, 'SIGKILL');
}

/** The server says its address once it listens; earlier ends are errors, told with its last output. */
function waitForAddress(child, port) {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (what) => {
      clearTimeout(timer);
      const inUse = output.includes('EADDRINUSE') ? `Port ${port} is in use; choose another with --port, or none to get a free one.\n` : '';
      reject(new UserError(`${inUse}VS Code's server ${what}. Its last output:\n${output.slice(-3000)}`));
    };
    const timer = setTimeout(() => fail(`did not start within ${START_TIMEOUT_MS / 1000} s`), START_TIMEOUT_MS);
    const collect = (chunk) => {
      output = (output + chunk).slice(-OUTPUT_KEPT);
      const address = /HTTP server listening on (http:\S+?)\/?\s/.exec(output);
      if (address === null) return;
      clearTimeout(timer);
      resolve(address[1]);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', (error) => fail(`could not be started (${error.message})`));
    child.once('exit', (status, signal) => fail(`ended with ${signal ?? `status ${status}`}`));
  });
}

async function waitForAnswer(url) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  let last = 'no answer';
  while (performance.now() < deadline) {
    try {
      const response = await fetch(url);
      if (response.ok) return;
      last = `HTTP ${response.status}`;
    } catch (error) {
      last = error.message;
    }
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new UserError(`VS Code's server at ${url} does not answer (${last}).`);
}

/**
 * Starts VS Code's server (installing it first if need be) on 127.0.0.1 and waits until it answers.
 * Extensions must be in `<profile>/extensions` by then (see stage-extension.mjs).
 * @param {object} options
 * @param {string} options.folder the folder or .code-workspace file to open
 * @param {string} options.profile a folder for the editor's settings, state and extensions
 * @param {number} [options.port] 0, the default, takes a free one
 * @param {Record<string, unknown>} [options.settings] user settings beside the quiet ones
 * @param {NodeJS.ProcessEnv} [options.env] environment variables beside this process's own
 * @param {boolean} [options.asksForTrust] folders are opened in Restricted Mode until they are trusted; by default all are trusted
 * @param {number} [options.idleSeconds] end by itself after so long without a window (60 or more)
 * @returns {Promise<{url: string, stop: () => Promise<void>, ended: Promise<void>}>}
 * @throws {UserError} when it cannot be installed or does not start
 */
export async function startEditor(options) {
  const { node, entry } = await ensureVsCode();
  const { folder, profile, port = 0, settings = {}, env = {}, asksForTrust = false, idleSeconds } = options;
  const userDataDir = path.join(profile, 'user-data');
  await writeSettings(userDataDir, { ...(asksForTrust ? { 'security.workspace.trust.enabled': true } : {}), ...settings });
  const args = [
    entry,
    '--auth', 'none',
    '--bind-addr', `127.0.0.1:${port}`,
    '--config', path.join(profile, 'config.yaml'),
    '--session-socket', path.join(profile, 'session.sock'),
    '--user-data-dir', userDataDir,
    '--extensions-dir', extensionsDir(profile),
    '--app-name', 'Shadowbox',
    '--disable-telemetry', '--disable-update-check', '--disable-getting-started-override',
    '--ignore-last-opened',
    ...(asksForTrust ? [] : ['--disable-workspace-trust']),
    ...(idleSeconds === undefined ? [] : ['--idle-timeout-seconds', String(idleSeconds)]),
    folder,
  ];
  // A group of its own, so that stop() gets all of it and Ctrl+C comes to us first.
  const child = spawn(node, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    // The server's own logs would go to the user's data folder, whatever --user-data-dir says.
    env: { ...process.env, XDG_DATA_HOME: path.join(profile, 'data'), ...env },
  });
  const ended = new Promise((resolve) => { child.once('exit', () => resolve()); });
  process.once('exit', () => signalGroup(child, 'SIGKILL'));
  try {
    const url = `${await waitForAddress(child, port)}/`;
    await waitForAnswer(url);
    return { url, stop: () => stopServer(child), ended };
  } catch (error) {
    await stopServer(child);
    throw error;
  }
}

/** Where an editor with this profile looks for extensions. */
export function extensionsDir(profile) {
  return path.join(profile, 'extensions');
}
