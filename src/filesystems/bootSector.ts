/** Says in words what the first sector of a disk would do if a BIOS loaded it. */
import { latin1 } from './fields';
import { hasSignature } from './mbr';

export interface BootSector {
  /** Whether a BIOS would run it: it ends in 55 AA. */
  readonly bootable: boolean;
  readonly story: string;
}

/** Texts that boot sectors show, and whose they are; the first that is found counts. */
const KNOWN: readonly (readonly [string, string])[] = [
  ['GRUB', 'GRUB: loads the rest of GRUB from the sectors behind it.'],
  ['LILO', 'LILO: loads a Linux kernel by a list of its sectors.'],
  ['ISOLINUX', 'ISOLINUX: loads isolinux.bin from the CD.'],
  ['isolinux.bin', 'ISOLINUX for hard disks (isohybrid): loads isolinux.bin from the image of a CD.'],
  ['EXTLINUX', 'EXTLINUX: loads ldlinux.sys from the file system.'],
  ['SYSLINUX', 'SYSLINUX: loads ldlinux.sys from the file system.'],
  ['BOOTMGR', 'Windows (Vista or later): loads BOOTMGR.'],
  ['NTLDR', 'Windows NT, 2000 or XP: loads NTLDR.'],
  ['IO      SYS', 'DOS or Windows 9x: loads IO.SYS.'],
  ['KERNEL  SYS', 'FreeDOS: loads KERNEL.SYS.'],
  ['This is not a bootable disk', 'mkfs.fat: says that this is no bootable disk.'],
  ['Hello from the boot sector', 'Shadowbox\'s sample hello: writes a greeting on the screen and the serial line.'],
  ['Missing operating system', 'A usual MBR: loads the boot sector of the active partition.'],
  ['Operating system load error', 'SYSLINUX\'s MBR: loads the boot sector of the active partition.'],
  ['Invalid partition table', 'Microsoft\'s MBR: loads the boot sector of the active partition.'],
  ['No active partition', 'An MBR: loads the boot sector of the active partition.'],
  ['BTX', 'FreeBSD: loads its boot program.'],
];

/** @param sector 512 bytes */
export function describeBootSector(sector: Uint8Array): BootSector {
  if (sector.every((byte) => byte === 0)) return { bootable: false, story: 'The first sector is empty: a BIOS does not boot from this disk.' };
  if (!hasSignature(sector)) return { bootable: false, story: 'The first sector has no signature (55 AA at its end): a BIOS does not boot from this disk.' };
  const text = latin1(sector);
  const known = KNOWN.find(([mark]) => text.includes(mark));
  if (known !== undefined) return { bootable: true, story: known[1] };
  if (sector.subarray(0, 440).every((byte) => byte === 0)) return { bootable: false, story: 'The first sector has a table of partitions and no code: a BIOS that runs it comes to nothing.' };
  return { bootable: true, story: 'A boot sector with its signature (55 AA); whose it is is not known.' };
}
