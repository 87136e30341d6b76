/** Status codes of INT 13h, in AH (Phoenix Enhanced Disk Drive Specification 3.0). */
export const DISK_STATUS = {
  ok: 0x00, badCommand: 0x01, writeProtected: 0x03, sectorNotFound: 0x04, changed: 0x06, uncorrectable: 0x10, noMedium: 0x31, notReady: 0x80,
} as const;
