// Makes a fresh clone ready to run: dependencies, bundles, sample guests. Each step looks first whether
// there is anything to do, so that doing it again costs a second.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './paths.mjs';
import { run, say, step, UserError } from './progress.mjs';

const OLDEST_NODE = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new UserError(`Shadowbox needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}. Install a newer one from https://nodejs.org/ and try again.`);
}

async function lockedPackages(file) {
  return JSON.parse(await readFile(file, 'utf8')).packages;
}

/**
 * Whether node_modules holds what package-lock.json asks for: npm leaves a record of what it installed in
 * node_modules/.package-lock.json, written last. Packages for other systems (optional) may be absent.
 */
async function dependenciesInstalled() {
  const record = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = await lockedPackages(record);
  const wanted = await lockedPackages(path.join(root, 'package-lock.json'));
  return Object.entries(wanted).every(([place, wantedPackage]) => {
    if (place === '') return true;
    const there = installed[place];
    return there === undefined ? wantedPackage.optional === true : there.version === wantedPackage.version;
  });
}

async function installDependencies() {
  if (await dependenciesInstalled()) return 'already there';
  await run('installing dependencies', 'npm', ['ci', '--no-audit', '--no-fund'], { cwd: root });
  return 'npm ci';
}

/** The guests' script says for itself what it could not fetch; the rest works without, so set-up goes on. */
function fetchGuests() {
  const script = path.join(root, 'scripts', 'fetch-guests.mjs');
  if (!existsSync(script)) return 'skipped: scripts/fetch-guests.mjs does not exist yet';
  const { status, signal } = spawnSync(process.execPath, [script], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return undefined;
  say(`  Not every sample guest is there (${signal ?? `status ${status}`}, see above); the others work.`);
  return 'incomplete';
}

/**
 * Does all the set-up there is to do, with a line for each step.
 * @throws {UserError} when a step without which nothing works fails
 */
export async function setUp() {
  checkNode();
  await step('Dependencies', installDependencies);
  await step('Building dist/', async () => (await import('./bundles.mjs')).buildAll());
  await step('Sample guests', async () => fetchGuests());
}
