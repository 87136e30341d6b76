// Makes the guests that only tests boot, out of Debian packages, into .cache/guests:
//
//   node scripts/fetch-test-guests.mjs [kernels] [stress] [virtio] [e1000] [mouse] [balloon] [memtest] [grub] [ipxe] [xen] [u-boot] [debug-files] [kernel-symbols] [disk-i386] [disk-amd64]
//
//   kernels  linux/vmlinuz-686, -686-pae, -amd64, and linux/shell-i386.cpio, -amd64.cpio: busybox to a shell
//   stress   linux/stress-i386.cpio, -amd64.cpio: the same with stress-ng
//   virtio   linux/virtio-686.cpio, -amd64.cpio: busybox with the kernel's virtio, 9P, ext4, ATA and CD-ROM drivers, mke2fs and e2fsck;
//            virtio-686.vmlinuz, -amd64.vmlinuz: the kernels that the drivers belong to
//   e1000    linux/e1000-686.cpio, -686-pae.cpio, -amd64.cpio: busybox with the kernel's e1000 driver and ethtool
//   mouse    linux/mouse-686.cpio: busybox with the kernel's drivers of a PS/2 mouse; mouse-686.vmlinuz: their kernel
//   balloon  linux/balloon-686.cpio: busybox with the kernel's driver of a virtio memory balloon; balloon-686.vmlinuz: its kernel
//   memtest  memtest86+/memtest86+ia32.bin, memtest86+x64.bin
//   grub     grub/grub-rescue-cdrom.iso, grub-rescue-floppy.img
//   ipxe     ipxe/ipxe.iso, pxe-e1000.rom, ipxe.lkrn
//   xen      xen/xen: the hypervisor, as a Multiboot image
//   u-boot   u-boot/qemu-x86_64.rom
//   debug-files     symbols/krb5: libraries and their separate debugging information, as Debian's packages have them
//   kernel-symbols  symbols/cloud: boot/vmlinuz-RELEASE, and usr/lib/debug/boot/vmlinux-RELEASE (282 MB to download, 600 MB in place)
//   disk-i386, disk-amd64  disks/debian-i386.img, debian-amd64.img: a hard disk with Debian on it (needs root, and a minute or two)
//
// Without a word: all of them but the kernel's symbols and the hard disks. What is there already is left alone; delete its folder to have it made anew. The status is 1 when
// something cannot be had (no apt, another Debian release), with the reason on stderr.
import { existsSync } from 'node:fs';
import { lstat, mkdir, readFile, readdir, readlink, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { makeDebianDisk } from './lib/debian-disk.mjs';
import { fetchDebugFiles, fetchKernelSymbols } from './lib/debian-symbols.mjs';
import { needTools, packageVersion, unpackPackages, withDebianArchive } from './lib/debian-packages.mjs';
import { initramfs } from './lib/initramfs.mjs';
import { cache, root } from './lib/paths.mjs';
import { main, run, say, UserError } from './lib/progress.mjs';

const GUESTS = path.join(cache, 'guests');
const LINUX = path.join(GUESTS, 'linux');
const MEMTEST = path.join(GUESTS, 'memtest86+');
const GRUB = path.join(GUESTS, 'grub');
const IPXE = path.join(GUESTS, 'ipxe');
const XEN = path.join(GUESTS, 'xen');
const U_BOOT = path.join(GUESTS, 'u-boot');
const DISKS = path.join(GUESTS, 'disks');
const SYMBOLS = path.join(GUESTS, 'symbols');

/** Flavours of Debian's kernel, each with the architecture of its package. */
const KERNELS = { '686': 'i386', '686-pae': 'i386', amd64: 'amd64' };
const KERNEL_SERIES = 'linux-image-6.1.';
const ARCHITECTURES = ['i386', 'amd64'];
const GRUB_IMAGES = ['grub-rescue-cdrom.iso', 'grub-rescue-floppy.img'];
/** iPXE by where packages have it: as a CD, and as the expansion ROM of our card. */
const IPXE_IMAGES = { ipxe: ['ipxe/ipxe.iso'], 'ipxe-qemu': ['ipxe/qemu/pxe-e1000.rom'] };
const XEN_PACKAGE = 'xen-hypervisor-4.17-amd64';
const MEMTEST_IMAGES = ['memtest86+ia32.bin', 'memtest86+x64.bin'];

/** What the kernel starts: file systems, a line that tests wait for, a shell on the first serial line. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin PS1='guest# '
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
cd /tmp
echo 'init: a shell on ttyS0'
exec setsid cttyhack sh <>/dev/ttyS0 >&0 2>&1
`;
const MOUNT_POINTS = ['dev', 'proc', 'sys', 'tmp'];

/** Writes a file beside its place and renames it, so that a run that is cut short leaves no half file, and two at once do not meet. */
async function put(file, data) {
  const unfinished = `${file}.${process.pid}.unfinished`;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(unfinished, data);
  await rename(unfinished, file);
  say(`  put ${path.relative(root, file)}`);
}

/** Writes down which packages a file was made from, beside it. */
async function putVersions(file, debs) {
  const versions = await Promise.all(debs.map(packageVersion));
  await put(`${file}.packages`, `${versions.sort().join('\n')}\n`);
}

/** Unpacks the kernel package of a flavour: its tree, its .deb files and its name. */
async function unpackKernel(archive, folder, flavour) {
  const name = await archive.firstDependency(`linux-image-${flavour}:${KERNELS[flavour]}`);
  if (!name.startsWith(KERNEL_SERIES)) throw new UserError(`the kernel of this machine's Debian is ${name}; tests want one of Debian 12, ${KERNEL_SERIES}*`);
  const tree = path.join(folder, `kernel-${flavour}`);
  const debs = await archive.download([name.includes(':') ? name : `${name}:${KERNELS[flavour]}`]);
  await unpackPackages(debs, tree);
  return { tree, debs, name };
}

/** Puts the kernel of an unpacked package into place. */
async function putKernel({ tree, name }, as) {
  const images = (await readdir(path.join(tree, 'boot'))).filter((file) => file.startsWith('vmlinuz-'));
  if (images.length !== 1) throw new UserError(`${name} has ${images.length} kernels in /boot`);
  await put(path.join(LINUX, as), await readFile(path.join(tree, 'boot', images[0])));
}

async function fetchKernel(archive, folder, flavour) {
  const kernel = await unpackKernel(archive, folder, flavour);
  await putKernel(kernel, `vmlinuz-${flavour}`);
  await putVersions(path.join(LINUX, `vmlinuz-${flavour}`), kernel.debs);
}

/** The busybox of an architecture: its bytes, and the package. */
async function fetchBusybox(archive, folder, architecture) {
  const debs = await archive.download([`busybox-static:${architecture}`]);
  const tree = path.join(folder, `busybox-${architecture}`);
  await unpackPackages(debs, tree);
  return { busybox: await readFile(path.join(tree, 'bin', 'busybox')), debs };
}

async function makeShell(archive, folder, architecture) {
  const { busybox, debs } = await fetchBusybox(archive, folder, architecture);
  const file = path.join(LINUX, `shell-${architecture}.cpio`);
  await put(file, initramfs({ folders: MOUNT_POINTS, programs: { init: Buffer.from(INIT), 'bin/busybox': busybox } }));
  await putVersions(file, debs);
}

/** All files and links of a tree by the last part of their names. */
async function filesByName(tree) {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  return new Map(entries.filter((entry) => !entry.isDirectory()).map((entry) => [entry.name, path.join(entry.parentPath, entry.name)]));
}

/** The file behind a link of a tree whose absolute links start at the tree. */
async function behindLinks(tree, file) {
  let at = file;
  while ((await lstat(at)).isSymbolicLink()) {
    const target = await readlink(at);
    at = path.isAbsolute(target) ? path.join(tree, target) : path.join(path.dirname(at), target);
  }
  return at;
}

/** A program's shared libraries and theirs, out of its tree: names (DT_NEEDED) and files. */
async function sharedLibraries(tree, program) {
  const available = await filesByName(tree);
  const found = new Map();
  const waiting = [program];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const headers = await run(`looking at ${path.basename(file)}`, 'objdump', ['-p', file]);
    for (const [, name] of headers.matchAll(/^ +NEEDED +(\S+)$/gm)) {
      if (found.has(name)) continue;
      const link = available.get(name);
      if (link === undefined) throw new UserError(`${path.basename(file)} needs ${name}, which is in none of the packages`);
      const library = await behindLinks(tree, link);
      found.set(name, library);
      waiting.push(library);
    }
  }
  return found;
}

/** Where programs of an architecture say that their dynamic loader is (System V ABI supplements), and its name. */
const LOADERS = { i386: 'lib/ld-linux.so.2', amd64: 'lib64/ld-linux-x86-64.so.2' };

/** A program's shared libraries as files of the initial RAM file system. */
async function libraryFiles(tree, program, architecture) {
  const files = {};
  for (const [name, library] of await sharedLibraries(tree, program)) {
    // The loader looks in /lib by itself, and in no other place that both architectures have.
    files[name === path.basename(LOADERS[architecture]) ? LOADERS[architecture] : `lib/${name}`] = await readFile(library);
  }
  return files;
}

async function makeStress(archive, folder, architecture) {
  needTools('objdump');
  const { busybox, debs } = await fetchBusybox(archive, folder, architecture);
  const stressDebs = await archive.downloadWithDependencies(`stress-ng:${architecture}`);
  const tree = path.join(folder, `stress-${architecture}`);
  await unpackPackages(stressDebs, tree);
  const program = path.join(tree, 'usr', 'bin', 'stress-ng');
  const programs = {
    init: Buffer.from(INIT), 'bin/busybox': busybox, 'bin/stress-ng': await readFile(program), ...await libraryFiles(tree, program, architecture),
  };
  const file = path.join(LINUX, `stress-${architecture}.cpio`);
  await put(file, initramfs({ folders: MOUNT_POINTS, programs }));
  await putVersions(file, [...debs, ...stressDebs]);
}

/** busybox, ethtool, and a flavour's e1000 driver as /e1000.ko. */
async function makeE1000(archive, folder, flavour) {
  needTools('objdump');
  const architecture = KERNELS[flavour];
  const { busybox, debs } = await fetchBusybox(archive, folder, architecture);
  const image = await archive.firstDependency(`linux-image-${flavour}:${architecture}`);
  const kernelDebs = await archive.download([image.includes(':') ? image : `${image}:${architecture}`]);
  const kernelTree = path.join(folder, `e1000-kernel-${flavour}`);
  await unpackPackages(kernelDebs, kernelTree);
  const driver = (await filesByName(kernelTree)).get('e1000.ko');
  if (driver === undefined) throw new UserError(`${image} has no e1000.ko`);
  const toolDebs = await archive.downloadWithDependencies(`ethtool:${architecture}`);
  const tree = path.join(folder, `ethtool-${architecture}`);
  await unpackPackages(toolDebs, tree);
  const program = path.join(tree, 'sbin', 'ethtool');
  const programs = {
    init: Buffer.from(INIT), 'bin/busybox': busybox, 'bin/ethtool': await readFile(program), 'e1000.ko': await readFile(driver), ...await libraryFiles(tree, program, architecture),
  };
  const file = path.join(LINUX, `e1000-${flavour}.cpio`);
  await put(file, initramfs({ folders: MOUNT_POINTS, programs }));
  await putVersions(file, [...debs, ...kernelDebs, ...toolDebs]);
}

/** A module's name as other modules' lists of dependencies spell it: 'virtio_rng' for virtio-rng.ko. */
const moduleName = (file) => file.replace(/\.ko$/, '').replaceAll('-', '_');

/** Modules and what they depend on, in an order in which they can be loaded: names and files. What is not there is built in. */
async function modulesInOrder(tree, wanted) {
  const available = new Map([...await filesByName(tree)].filter(([name]) => name.endsWith('.ko')).map(([name, file]) => [moduleName(name), file]));
  const ordered = new Map();
  const add = async (name) => {
    const file = available.get(name);
    if (file === undefined || ordered.has(name)) return;
    const data = await readFile(file);
    // .modinfo is a row of strings that end in NUL; depends= has the names.
    const depends = /\0depends=([^\0]*)\0/.exec(data.toString('latin1'))?.[1] ?? '';
    for (const other of depends.split(',').filter(Boolean)) await add(moduleName(other));
    ordered.set(name, data);
  };
  for (const name of wanted) await add(name);
  return ordered;
}

/** Sets of drivers that a test loads by `drivers NAME`. crc32c is asked for by ext4 without depending on it. */
const DRIVERS = {
  virtio: ['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_rng', 'virtio_console', '9pnet_virtio', '9p'],
  ext4: ['crc32c_generic', 'ext4'],
  ata: ['sd_mod', 'ata_piix', 'ata_generic'],
  cdrom: ['sr_mod', 'isofs', 'nls_utf8', 'nls_ascii'],
};

/** Loads a set: one insmod for each line of /modules/NAME. */
const DRIVERS_SCRIPT = `#!/bin/busybox sh
for name in "$@"; do while read module; do grep -q "^$module " /proc/modules || insmod /modules/$module.ko || exit 1; done < /modules/$name; done
`;

async function makeVirtio(archive, folder, flavour) {
  needTools('objdump');
  const architecture = KERNELS[flavour];
  const { busybox, debs } = await fetchBusybox(archive, folder, architecture);
  const kernel = await unpackKernel(archive, folder, flavour);
  const tools = await archive.downloadWithDependencies(`e2fsprogs:${architecture}`);
  const tree = path.join(folder, `e2fsprogs-${architecture}`);
  await unpackPackages(tools, tree);
  const programs = { init: Buffer.from(INIT), 'bin/busybox': busybox, 'bin/drivers': Buffer.from(DRIVERS_SCRIPT) };
  for (const [set, wanted] of Object.entries(DRIVERS)) {
    const modules = await modulesInOrder(kernel.tree, wanted);
    programs[`modules/${set}`] = Buffer.from([...modules.keys(), ''].join('\n'));
    for (const [name, data] of modules) programs[`modules/${name}.ko`] = data;
  }
  for (const tool of ['mke2fs', 'e2fsck']) {
    const program = path.join(tree, 'sbin', tool);
    programs[`sbin/${tool}`] = await readFile(program);
    for (const [name, library] of await sharedLibraries(tree, program)) {
      programs[name === path.basename(LOADERS[architecture]) ? LOADERS[architecture] : `lib/${name}`] = await readFile(library);
    }
  }
  // Modules want the very kernel that they were built with.
  await putKernel(kernel, `virtio-${flavour}.vmlinuz`);
  const file = path.join(LINUX, `virtio-${flavour}.cpio`);
  await put(file, initramfs({ folders: [...MOUNT_POINTS, 'mnt'], programs }));
  await putVersions(file, [...debs, ...kernel.debs, ...tools]);
}

/** busybox, and a kernel's modules in the order of /modules/NAME: those that are wanted, and what they depend on. */
async function makeWithDrivers(archive, folder, flavour, { name: set, wanted }) {
  const { busybox, debs } = await fetchBusybox(archive, folder, KERNELS[flavour]);
  const kernel = await unpackKernel(archive, folder, flavour);
  const modules = await modulesInOrder(kernel.tree, wanted);
  const programs = { init: Buffer.from(INIT), 'bin/busybox': busybox, 'bin/drivers': Buffer.from(DRIVERS_SCRIPT), [`modules/${set}`]: Buffer.from([...modules.keys(), ''].join('\n')) };
  for (const [name, data] of modules) programs[`modules/${name}.ko`] = data;
  // Modules want the very kernel that they were built with.
  await putKernel(kernel, `${set}-${flavour}.vmlinuz`);
  const file = path.join(LINUX, `${set}-${flavour}.cpio`);
  await put(file, initramfs({ folders: MOUNT_POINTS, programs }));
  await putVersions(file, [...debs, ...kernel.debs]);
}

async function fetchMemtest(archive, folder) {
  const debs = await archive.download(['memtest86+:amd64']);
  const tree = path.join(folder, 'memtest');
  await unpackPackages(debs, tree);
  await mkdir(MEMTEST, { recursive: true });
  for (const image of MEMTEST_IMAGES) await put(path.join(MEMTEST, image), await readFile(path.join(tree, 'boot', image)));
  await putVersions(path.join(MEMTEST, 'memtest86+'), debs);
}

async function fetchGrub(archive, folder) {
  const debs = await archive.download(['grub-rescue-pc:amd64']);
  const tree = path.join(folder, 'grub');
  await unpackPackages(debs, tree);
  for (const image of GRUB_IMAGES) await put(path.join(GRUB, image), await readFile(path.join(tree, 'usr', 'lib', 'grub-rescue', image)));
  await putVersions(path.join(GRUB, 'grub-rescue'), debs);
}

async function fetchIpxe(archive, folder) {
  const debs = await archive.download(Object.keys(IPXE_IMAGES).map((name) => `${name}:amd64`));
  const tree = path.join(folder, 'ipxe');
  await unpackPackages(debs, tree);
  for (const image of Object.values(IPXE_IMAGES).flat()) await put(path.join(IPXE, path.basename(image)), await readFile(path.join(tree, 'usr', 'lib', image)));
  await putVersions(path.join(IPXE, 'ipxe'), debs);
}

/** Downloads one package and puts a file of it into place, as `change` makes it. */
async function fetchFile(archive, folder, { name, from, to, change = (data) => data }) {
  const debs = await archive.download([`${name}:amd64`]);
  const tree = path.join(folder, name);
  await unpackPackages(debs, tree);
  await put(to, change(await readFile(path.join(tree, from))));
  await putVersions(to, debs);
}

/** What is one file of a package. */
const XEN_FILE = { name: XEN_PACKAGE, from: 'boot/xen-4.17-amd64.gz', to: path.join(XEN, 'xen'), change: gunzipSync };
const U_BOOT_FILE = { name: 'u-boot-qemu', from: 'usr/lib/u-boot/qemu-x86_64/u-boot.rom', to: path.join(U_BOOT, 'qemu-x86_64.rom') };
const IPXE_KERNEL_FILE = { name: 'ipxe', from: 'boot/ipxe.lkrn', to: path.join(IPXE, 'ipxe.lkrn') };

/** The product of such a file. */
const product = (file) => [`${file.to}.packages`, (archive, folder) => fetchFile(archive, folder, file)];

/** Guests that have a shell and some drivers: a PS/2 mouse's, and the balloon's. */
const MOUSE = { name: 'mouse', wanted: ['psmouse', 'evdev', 'mousedev'] };
const BALLOON = { name: 'balloon', wanted: ['virtio_pci', 'virtio_balloon'] };

/** Everything that can be made: by word, its files, each with how to make it. The `.packages` file comes last, so it stands for all. */
const PRODUCTS = {
  kernels: [
    ...Object.keys(KERNELS).map((flavour) => [path.join(LINUX, `vmlinuz-${flavour}.packages`), (archive, folder) => fetchKernel(archive, folder, flavour)]),
    ...ARCHITECTURES.map((architecture) => [path.join(LINUX, `shell-${architecture}.cpio.packages`), (archive, folder) => makeShell(archive, folder, architecture)]),
  ],
  stress: ARCHITECTURES.map((architecture) => [
    path.join(LINUX, `stress-${architecture}.cpio.packages`), (archive, folder) => makeStress(archive, folder, architecture),
  ]),
  e1000: Object.keys(KERNELS).map((flavour) => [path.join(LINUX, `e1000-${flavour}.cpio.packages`), (archive, folder) => makeE1000(archive, folder, flavour)]),
  virtio: ['686', 'amd64'].map((flavour) => [
    path.join(LINUX, `virtio-${flavour}.cpio.packages`), (archive, folder) => makeVirtio(archive, folder, flavour),
  ]),
  ...Object.fromEntries([MOUSE, BALLOON].map((drivers) => [drivers.name, [
    [path.join(LINUX, `${drivers.name}-686.cpio.packages`), (archive, folder) => makeWithDrivers(archive, folder, '686', drivers)],
  ]])),
  memtest: [[path.join(MEMTEST, 'memtest86+.packages'), fetchMemtest]],
  grub: [[path.join(GRUB, 'grub-rescue.packages'), fetchGrub]],
  ipxe: [[path.join(IPXE, 'ipxe.packages'), fetchIpxe], product(IPXE_KERNEL_FILE)],
  xen: [product(XEN_FILE)],
  'u-boot': [product(U_BOOT_FILE)],
  'debug-files': [[path.join(SYMBOLS, 'krb5', 'packages'), (archive) => fetchDebugFiles(archive, path.join(SYMBOLS, 'krb5'))]],
  'kernel-symbols': [[path.join(SYMBOLS, 'cloud', 'packages'), (archive) => fetchKernelSymbols(archive, path.join(SYMBOLS, 'cloud'))]],
  ...Object.fromEntries(ARCHITECTURES.map((architecture) => {
    const file = path.join(DISKS, `debian-${architecture}.img`);
    return [`disk-${architecture}`, [[file, (_archive, folder) => makeDebianDisk(architecture, file, folder)]]];
  })),
};
const BY_DEFAULT = ['kernels', 'stress', 'virtio', 'e1000', 'mouse', 'balloon', 'memtest', 'grub', 'ipxe', 'xen', 'u-boot', 'debug-files'];

await main(async () => {
  const words = process.argv.slice(2);
  const unknown = words.find((word) => !(word in PRODUCTS));
  if (unknown !== undefined) throw new UserError(`there is no guest '${unknown}'; there are: ${Object.keys(PRODUCTS).join(', ')}`);
  const wanted = words.length > 0 ? words : BY_DEFAULT;
  const missing = wanted.flatMap((word) => PRODUCTS[word]).filter(([mark]) => !existsSync(mark));
  if (missing.length === 0) return;
  await withDebianArchive(async (archive, folder) => {
    for (const [, make] of missing) await make(archive, folder);
  });
});
