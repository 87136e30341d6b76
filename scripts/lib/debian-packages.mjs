// Packages of the Debian archive, of any architecture, fetched by apt into a folder of our own: nothing is installed, the machine's
// own apt stays as it is, and no root is needed.
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run, say, UserError } from './progress.mjs';

/** The architectures whose package lists are read, by Debian's names. */
const ARCHITECTURES = ['amd64', 'i386'];

/** LC_ALL=C: the messages end up in reports, so they are the same everywhere. */
const ENVIRONMENT = { ...process.env, LC_ALL: 'C' };

/** @throws {UserError} when one of the programs cannot be started here */
export function needTools(...tools) {
  for (const tool of tools) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0) throw new UserError(`there is no ${tool} on this machine`);
  }
}

/** The package lists of this machine's sources, for all `ARCHITECTURES`, as they are now. */
class DebianArchive {
  /** @param {string} folder an empty folder that apt's own user may read */
  constructor(folder) {
    this.folder = folder;
    this.options = [
      '-q', '-o', `Dir::State::Lists=${path.join(folder, 'lists')}`, '-o', `Dir::Cache=${path.join(folder, 'cache')}`,
      // Nothing counts as installed, so that "with all that it depends on" means all; and no lock of the machine's dpkg is taken.
      '-o', `Dir::State::status=${path.join(folder, 'status')}`, '-o', 'Debug::NoLocking=true',
      ...ARCHITECTURES.flatMap((architecture) => ['-o', `APT::Architectures::=${architecture}`]),
      '-o', 'Acquire::Languages=none', '-o', 'APT::Install-Recommends=false',
    ];
  }

  /** Reads the lists. One that cannot be had (a mirror that is being updated) is said and left out: the others may do. */
  async open() {
    await mkdir(path.join(this.folder, 'lists', 'partial'), { recursive: true });
    await mkdir(path.join(this.folder, 'cache', 'archives', 'partial'), { recursive: true });
    await writeFile(path.join(this.folder, 'status'), '');
    try {
      await run('reading package lists', 'apt-get', [...this.options, 'update'], { env: ENVIRONMENT });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(`  not all package lists could be read, going on with the others: ${error.message}`);
    }
  }

  /** The first package that this one depends on: for a package that only names the current version of another. */
  async firstDependency(name) {
    const text = await run(`looking at ${name}`, 'apt-cache', [...this.options, 'depends', name], { env: ENVIRONMENT });
    const found = /^ +Depends: (\S+)/m.exec(text)?.[1];
    if (found === undefined) throw new UserError(`${name} depends on nothing`);
    return found;
  }

  /** Downloads packages ('busybox-static:i386') and gives the paths of the .deb files. */
  async download(names) {
    const folder = await mkdtemp(path.join(this.folder, 'packages-'));
    await chmod(folder, 0o755);
    await run(`downloading ${names.join(', ')}`, 'apt-get', [...this.options, 'download', ...names], { cwd: folder, env: ENVIRONMENT });
    return packagesIn(folder);
  }

  /** Downloads a package with all that it depends on, and gives the paths of the .deb files. */
  async downloadWithDependencies(name) {
    const folder = await mkdtemp(path.join(this.folder, 'packages-'));
    await chmod(folder, 0o755);
    await mkdir(path.join(folder, 'partial'));
    await run(`downloading ${name} and what it depends on`, 'apt-get', [
      ...this.options, '-o', `Dir::Cache::archives=${folder}`, '--yes', '--download-only', 'install', name,
    ], { env: ENVIRONMENT });
    return packagesIn(folder);
  }
}

async function packagesIn(folder) {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
  if (names.length === 0) throw new UserError('apt-get left no package behind');
  return names.map((name) => path.join(folder, name));
}

/** Unpacks .deb files one over the other into `folder`. */
export async function unpackPackages(debs, folder) {
  for (const deb of debs) await run(`unpacking ${path.basename(deb)}`, 'dpkg-deb', ['-x', deb, folder]);
}

/** Unpacks those files of a .deb file into `folder` that match a pattern ('./boot/vmlinuz-*'); others take no room meanwhile. An error if there are none. */
export async function unpackFiles(deb, folder, pattern) {
  const script = 'set -o pipefail; dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" --wildcards "$2"';
  await run(`unpacking ${pattern} of ${path.basename(deb)}`, 'bash', ['-c', script, deb, folder, pattern]);
}

/** What a .deb file holds: 'linux-image-6.1.0-50-686 6.1.176-1 i386'. */
export async function packageVersion(deb) {
  return (await run(`looking at ${path.basename(deb)}`, 'dpkg-deb', ['-W', '--showformat=${Package} ${Version} ${Architecture}', deb])).trim();
}

/**
 * Gives `work` an archive that is open, and a folder to work in; both are gone afterwards.
 * @throws {UserError} when there is no apt here, or what `work` throws
 */
export async function withDebianArchive(work) {
  needTools('apt-get', 'apt-cache', 'dpkg-deb');
  const temporary = await mkdtemp(path.join(tmpdir(), 'shadowbox-debian-'));
  try {
    await chmod(temporary, 0o755); // apt run by root downloads as the user _apt, who must be able to look in
    const archive = new DebianArchive(temporary);
    await archive.open();
    await work(archive, temporary);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
