// Fetches the guests that are too large for the repository into .cache/guests, by the Debian archive's own client.
//
//   node scripts/fetch-guests.mjs [--required]
//
// Without --required a machine on which the guest cannot be fetched (no apt) is no error: the reason is printed and the status is 0,
// so that set-up goes on and the tests say what they left out. With --required it is status 1. A wrong command line is 2.

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = 'debian-installer-12-netboot-i386';
const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = path.join(CHECKOUT, '.cache', 'guests', 'debian-i386');
const IMAGES = 'usr/lib/debian-installer/images/12/i386/text/debian-installer/i386';
const BY_HAND = 'samples/debian-i386/README.md says how to put the files there by hand';

/** The files of this guest, each with the test that it is what its name says. */
const FILES = [
  {
    name: 'linux',
    // The Linux boot protocol's magic, "HdrS" at offset 0x202 of a bzImage (Documentation/arch/x86/boot.rst).
    wrong: (bytes) => (bytes.toString('latin1', 0x202, 0x206) === 'HdrS' ? undefined : 'no "HdrS" at offset 0x202, so no Linux bzImage'),
  },
  {
    name: 'initrd.gz',
    // RFC 1952, section 2.3.1: ID1 and ID2.
    wrong: (bytes) => (bytes[0] === 0x1f && bytes[1] === 0x8b ? undefined : 'it does not begin with 1F 8B, so no gzip file'),
  },
];

/** A reason, fit to print, for which the guest cannot be had. */
class Unavailable extends Error {}

function say(text) {
  console.log(`fetch-guests: ${text}`);
}

/** Runs a command quietly: `{ ok, text }`, text being what it printed, which is worth showing only if it failed. */
function run(command, args, cwd = CHECKOUT) {
  // LC_ALL=C: the messages end up in reports, so they are the same everywhere.
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  return {
    ok: result.status === 0,
    text: [result.error?.message, result.stderr, result.stdout].filter(Boolean).join('\n').trim(),
  };
}

/** What is wrong with the file, or undefined if it looks right. */
function faultOf(folder, file) {
  const where = path.join(folder, file.name);
  return existsSync(where) ? file.wrong(readFileSync(where)) : 'it is missing';
}

/** Refreshes package lists in a folder of our own, which needs no root and leaves the machine's apt alone: its options for apt-get. */
function privateLists(temporary) {
  const lists = path.join(temporary, 'lists');
  const cache = path.join(temporary, 'cache');
  mkdirSync(path.join(lists, 'partial'), { recursive: true });
  mkdirSync(path.join(cache, 'archives', 'partial'), { recursive: true });
  const options = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${cache}`];
  const updated = run('apt-get', ['-q', ...options, 'update']);
  if (!updated.ok) throw new Unavailable(`apt-get update failed:\n${updated.text}`);
  return options;
}

/** Downloads the package into `folder` and gives its path. Lists that are missing or too old are refreshed once. */
function download(temporary, folder) {
  say(`downloading ${PACKAGE} (about 105 MB, of which 36 MB are kept)`);
  let fetched = run('apt-get', ['-q', 'download', PACKAGE], folder);
  if (!fetched.ok) {
    say('this machine\'s package lists are missing or old: reading fresh ones');
    fetched = run('apt-get', ['-q', ...privateLists(temporary), 'download', PACKAGE], folder);
  }
  if (!fetched.ok) throw new Unavailable(`apt-get download ${PACKAGE} failed:\n${fetched.text}`);
  const deb = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (deb === undefined) throw new Unavailable(`apt-get download left no package behind:\n${fetched.text}`);
  return path.join(folder, deb);
}

/** Fetches and unpacks the package and puts its files into the cache. */
function fetchGuest() {
  for (const tool of ['apt-get', 'dpkg-deb']) {
    if (!run(tool, ['--version']).ok) throw new Unavailable(`there is no ${tool} on this machine`);
  }
  const temporary = mkdtempSync(path.join(tmpdir(), 'shadowbox-guests-'));
  try {
    chmodSync(temporary, 0o755); // apt run by root downloads as the user _apt, who must be able to look in
    const packages = path.join(temporary, 'packages');
    mkdirSync(packages);
    const deb = download(temporary, packages);
    say(`unpacking ${path.basename(deb)}`);
    const tree = path.join(temporary, 'tree');
    const unpacked = run('dpkg-deb', ['-x', deb, tree]);
    if (!unpacked.ok) throw new Unavailable(`dpkg-deb -x failed:\n${unpacked.text}`);
    const images = path.join(tree, IMAGES);
    for (const file of FILES) {
      const fault = faultOf(images, file);
      if (fault !== undefined) throw new Unavailable(`${IMAGES}/${file.name} of the package: ${fault}`);
    }
    mkdirSync(CACHE, { recursive: true });
    for (const file of FILES) {
      // Copied beside its place and renamed, so that a run that is cut short leaves no half file.
      const unfinished = path.join(CACHE, `${file.name}.unfinished`);
      copyFileSync(path.join(images, file.name), unfinished);
      renameSync(unfinished, path.join(CACHE, file.name));
      say(`put ${path.relative(CHECKOUT, path.join(CACHE, file.name))}`);
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

const unknown = process.argv.slice(2).filter((argument) => argument !== '--required');
const required = process.argv.includes('--required');
if (unknown.length > 0) {
  console.error(`fetch-guests: unknown argument ${unknown[0]}; usage: node scripts/fetch-guests.mjs [--required]`);
  process.exit(2);
}

if (FILES.every((file) => faultOf(CACHE, file) === undefined)) {
  say(`debian-i386 is in ${path.relative(CHECKOUT, CACHE)} already`);
} else {
  try {
    fetchGuest();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    say(`debian-i386 was not fetched: ${error.message}`);
    say(BY_HAND);
    process.exitCode = required ? 1 : 0;
  }
}
