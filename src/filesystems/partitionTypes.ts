/** What the types of partitions mean, by the codes that are in use. */

export const MBR_TYPES: Readonly<Record<number, string>> = {
  0x01: 'FAT12', 0x04: 'FAT16 under 32 MiB', 0x05: 'extended', 0x06: 'FAT16', 0x07: 'NTFS or exFAT', 0x0b: 'FAT32', 0x0c: 'FAT32 (LBA)', 0x0e: 'FAT16 (LBA)', 0x0f: 'extended (LBA)',
  0x11: 'FAT12, hidden', 0x14: 'FAT16 under 32 MiB, hidden', 0x16: 'FAT16, hidden', 0x17: 'NTFS, hidden (isohybrid)', 0x1b: 'FAT32, hidden', 0x1c: 'FAT32 (LBA), hidden', 0x27: 'Windows recovery',
  0x39: 'Plan 9', 0x42: 'Windows dynamic disk', 0x63: 'Unix System V', 0x82: 'Linux swap', 0x83: 'Linux', 0x85: 'Linux extended', 0x8e: 'Linux LVM', 0xa5: 'FreeBSD', 0xa6: 'OpenBSD', 0xa8: 'macOS',
  0xa9: 'NetBSD', 0xaf: 'HFS', 0xb7: 'BSDI', 0xbe: 'Solaris boot', 0xbf: 'Solaris', 0xcd: 'ISO 9660', 0xda: 'data', 0xeb: 'BeOS', 0xee: 'GPT protective', 0xef: 'EFI system', 0xfb: 'VMware VMFS', 0xfd: 'Linux RAID',
};

export const GPT_TYPES: Readonly<Record<string, string>> = {
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': 'EFI system', '21686148-6449-6e6f-744e-656564454649': 'BIOS boot (GRUB)', '024dee41-33e7-11d3-9d69-0008c781f39f': 'MBR scheme',
  '0fc63daf-8483-4772-8e79-3d69d8477de4': 'Linux', '4f68bce3-e8cd-4db1-96e7-fbcaf984b709': 'Linux root (x86-64)', '44479540-f297-41b2-9af7-d131d5f0458a': 'Linux root (x86)',
  '933ac7e1-2eb4-4f13-b844-0e14e2aef915': 'Linux home', '3b8f8425-20e0-4f3b-907f-1a25a76f98e8': 'Linux server data', '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f': 'Linux swap',
  'e6d6d379-f507-44c2-a23c-238f2a3df928': 'Linux LVM', 'a19d880f-05fc-4d3b-a006-743f0f84911e': 'Linux RAID', 'ca7d7ccb-63ed-4c53-861c-1742536059cc': 'LUKS', 'bc13c2ff-59e6-4262-a352-b275fd6f7172': 'Linux boot (XBOOTLDR)',
  'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7': 'Microsoft basic data', 'e3c9e316-0b5c-4db8-817d-f92df00215ae': 'Microsoft reserved', 'de94bba4-06d1-4d40-a16a-bfd50179d6ac': 'Windows recovery',
  '516e7cb4-6ecf-11d6-8ff8-00022d09712b': 'FreeBSD', '516e7cb6-6ecf-11d6-8ff8-00022d09712b': 'FreeBSD UFS', '83bd6b9d-7f41-11dc-be0b-001560b84f0f': 'FreeBSD boot', '48465300-0000-11aa-aa11-00306543ecac': 'HFS+', '7c3457ef-0000-11aa-aa11-00306543ecac': 'APFS',
};
