// A hard disk with Debian on it, as an installer would leave it: one partition with ext4, systemd, GRUB in the MBR. Made without a loop device:
// mmdebstrap fills a folder (which needs root), mke2fs makes a file system of it, and the rest is written by hand.
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { needTools } from './debian-packages.mjs';
import { run, UserError } from './progress.mjs';

const MIRROR = 'deb http://deb.debian.org/debian bookworm main';
const SECTOR = 512;
const PARTITION_SECTOR = 2048;
/** The file that is made is sparse: it takes what is in it. */
const PARTITION_BYTES = 1536 * 1024 * 1024;

/** What root logs in with. */
export const PASSWORD = 'shadowbox';

/** Kernel packages; Debian's initramfs has the modules of all disks and cards by default. */
const KERNELS = { i386: 'linux-image-686-pae', amd64: 'linux-image-amd64' };
const PACKAGES = ['systemd-sysv', 'udev', 'initramfs-tools', 'e2fsprogs', 'kmod', 'iproute2', 'iputils-ping', 'wget', 'python3-minimal', 'stress-ng', 'login', 'passwd', 'pciutils'];

/** Modules of GRUB's core image, which finds the rest in /boot/grub. */
const GRUB_MODULES = ['biosdisk', 'part_msdos', 'ext2', 'normal', 'linux', 'serial', 'terminal', 'configfile', 'echo', 'ls', 'search', 'reboot', 'halt'];
const GRUB_PREFIX = '(hd0,msdos1)/boot/grub';
const GRUB_FOLDER = '/usr/lib/grub/i386-pc';

const grubMenu = (uuid) => `serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=0
menuentry 'Debian' {
  linux /vmlinuz root=UUID=${uuid} ro console=tty0 console=ttyS0,115200
  initrd /initrd.img
}
`;

const files = (uuid) => ({
  'etc/hostname': 'debian\n',
  'etc/hosts': '127.0.0.1 localhost debian\n',
  'etc/fstab': `UUID=${uuid} / ext4 errors=remount-ro 0 1\n`,
  'etc/resolv.conf': 'nameserver 10.0.2.3\n',
  'etc/systemd/network/wired.network': '[Match]\nType=ether\n\n[Network]\nDHCP=ipv4\n',
  'boot/grub/grub.cfg': grubMenu(uuid),
});

/** Programs that this needs; an error says which Debian package has the missing one. */
function needDiskTools() {
  if (process.getuid?.() !== 0) throw new UserError('a Debian disk is made by root only (mmdebstrap runs the packages\' scripts in it)');
  const packages = { mmdebstrap: 'mmdebstrap', mke2fs: 'e2fsprogs', 'grub-mkimage': 'grub-common and grub-pc-bin' };
  for (const [tool, from] of Object.entries(packages)) {
    // mke2fs says its version by another option, and ends with an error for want of a device.
    if (tool === 'mke2fs') continue;
    try {
      needTools(tool);
    } catch (error) {
      throw new UserError(`${error.message}: install ${from}`);
    }
  }
}

/** The system's tree, in `folder`. */
async function fillTree(architecture, folder, uuid) {
  await run(`installing Debian ${architecture}`, 'mmdebstrap', [
    `--architectures=${architecture}`, '--variant=minbase', `--include=${[KERNELS[architecture], ...PACKAGES].join(',')}`,
    `--customize-hook=chroot "$1" systemctl enable systemd-networkd serial-getty@ttyS0`,
    `--customize-hook=echo root:${PASSWORD} | chroot "$1" chpasswd`,
    'bookworm', folder, MIRROR,
  ], { env: { ...process.env, LC_ALL: 'C' } });
  await mkdir(path.join(folder, 'boot', 'grub'), { recursive: true });
  await cp(GRUB_FOLDER, path.join(folder, 'boot', 'grub', 'i386-pc'), { recursive: true });
  for (const [name, text] of Object.entries(files(uuid))) {
    await rm(path.join(folder, name), { force: true });
    await writeFile(path.join(folder, name), text);
  }
}

/** A partition table with one Linux partition, that is active (Master Boot Record, entry at 1BEh). */
function partitionEntry() {
  const entry = Buffer.alloc(16);
  entry.set([0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff]);
  entry.writeUInt32LE(PARTITION_SECTOR, 8);
  entry.writeUInt32LE(PARTITION_BYTES / SECTOR, 12);
  return entry;
}

/** GRUB's boot sector with the partition table in it, and its core image behind: as grub-install leaves them in the gap before the first partition. */
async function bootArea(folder) {
  const core = path.join(folder, 'core.img');
  await run('making GRUB\'s core image', 'grub-mkimage', ['-O', 'i386-pc', '-o', core, '-p', GRUB_PREFIX, ...GRUB_MODULES]);
  const area = Buffer.alloc(PARTITION_SECTOR * SECTOR);
  const image = await readFile(core);
  if (image.length > (PARTITION_SECTOR - 1) * SECTOR) throw new UserError(`GRUB's core image has ${image.length} bytes, too many for the gap before the partition`);
  area.set(await readFile(path.join(GRUB_FOLDER, 'boot.img')));
  area.set(image, SECTOR);
  area.fill(0, 0x1b8, 0x1fe);
  area.set([0x53, 0x42, 0x4f, 0x58], 0x1b8); // the disk's signature
  area.set(partitionEntry(), 0x1be);
  area.set([0x55, 0xaa], 0x1fe);
  return area;
}

/**
 * Makes a raw disk image with Debian on it at `file`; `folder` is for what is needed meanwhile.
 * @throws {UserError} when this is not root, or a program is missing or fails
 */
export async function makeDebianDisk(architecture, file, folder) {
  needDiskTools();
  const tree = path.join(folder, `tree-${architecture}`);
  const uuid = randomUUID();
  await fillTree(architecture, tree, uuid);
  const unfinished = `${file}.unfinished`;
  await mkdir(path.dirname(file), { recursive: true });
  const image = await open(unfinished, 'w');
  await image.write(await bootArea(folder), 0, PARTITION_SECTOR * SECTOR, 0);
  await image.truncate(PARTITION_SECTOR * SECTOR + PARTITION_BYTES);
  await image.close();
  await run('making its file system', 'mke2fs', [
    '-q', '-t', 'ext4', '-U', uuid, '-d', tree, '-E', `offset=${PARTITION_SECTOR * SECTOR},root_owner=0:0`, unfinished, `${PARTITION_BYTES / 1024}k`,
  ]);
  await rm(tree, { recursive: true, force: true });
  await rename(unfinished, file);
}
