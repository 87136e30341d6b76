// Symbol files as Debian ships them, for the debugger's tests: programs and their separate debugging information, laid out as in the packages.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { packageVersion, unpackFiles, unpackPackages } from './debian-packages.mjs';
import { root } from './paths.mjs';
import { say, UserError } from './progress.mjs';

/**
 * Makes a tree beside its place and puts it there when it is whole, with the packages that it is from in its file `packages`.
 * @param fill fills an empty folder, and gives the .deb files that it took
 */
async function putTree(to, fill) {
  const unfinished = `${to}.${process.pid}.unfinished`;
  try {
    await mkdir(unfinished, { recursive: true });
    const versions = await Promise.all((await fill(unfinished)).map(packageVersion));
    await writeFile(path.join(unfinished, 'packages'), `${versions.sort().join('\n')}\n`);
    await rm(to, { recursive: true, force: true });
    await rename(unfinished, to);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  say(`  put ${path.relative(root, to)}`);
}

/** A small package whose debugging information dwz has taken parts out of, and compressed: Kerberos' libraries. */
export async function fetchDebugFiles(archive, to) {
  await putTree(to, async (tree) => {
    const debs = await archive.download(['libkrb5-3:amd64', 'libkrb5-dbg:amd64']);
    await unpackPackages(debs, tree);
    return debs;
  });
}

/**
 * Debian's kernel for virtual machines with its `vmlinux`: 282 MB to download, 600 MB in place.
 * `boot/vmlinuz-RELEASE` and `usr/lib/debug/boot/vmlinux-RELEASE`.
 */
export async function fetchKernelSymbols(archive, to) {
  const symbols = await archive.firstDependency('linux-image-cloud-amd64-dbg:amd64');
  const name = symbols.replace(/:amd64$/, '');
  const image = name.replace(/-dbg$/, '');
  if (image === name) throw new UserError(`${symbols} is no package of debugging information`);
  await putTree(to, async (tree) => {
    const [kernel] = await archive.download([`${image}:amd64`]);
    const [debug] = await archive.download([`${name}:amd64`]);
    await unpackFiles(kernel, tree, './boot/vmlinuz-*');
    await unpackFiles(debug, tree, './usr/lib/debug/boot/vmlinux-*');
    return [kernel, debug];
  });
}
