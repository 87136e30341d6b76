/** Where the BIOS keeps its variables in guest memory: linear addresses in the BIOS data area and in the EBDA. */
import { EBDA_BASE } from '../memory-map';

/** BIOS data area (40:0), as the IBM PS/2 and PC BIOS Interface Technical Reference lays it out. */
export const BDA = {
  comPorts: 0x400,
  lptPorts: 0x408,
  ebdaSegment: 0x40e,
  equipment: 0x410,
  memoryKib: 0x413,
  shiftFlags: 0x417,
  keyFlags: 0x418,
  altNumber: 0x419,
  keyHead: 0x41a,
  keyTail: 0x41c,
  keyBuffer: 0x41e,
  motorStatus: 0x43f,
  motorCountdown: 0x440,
  floppyStatus: 0x441,
  videoMode: 0x449,
  videoColumns: 0x44a,
  videoPageBytes: 0x44c,
  videoPageStart: 0x44e,
  cursorPositions: 0x450,
  cursorShape: 0x460,
  videoPage: 0x462,
  crtcPort: 0x463,
  crtModeRegister: 0x465,
  crtPalette: 0x466,
  resumeVector: 0x467,
  ticks: 0x46c,
  midnight: 0x470,
  breakFlag: 0x471,
  resetFlag: 0x472,
  diskStatus: 0x474,
  diskCount: 0x475,
  lptTimeouts: 0x478,
  comTimeouts: 0x47c,
  keyBufferStart: 0x480,
  keyBufferEnd: 0x482,
  videoLastRow: 0x484,
  characterHeight: 0x485,
  videoControl: 0x487,
  videoSwitches: 0x488,
  videoFlags: 0x489,
  displayCombination: 0x48a,
  keyMode: 0x496,
  /** Far pointer to the byte whose bit 7 tells that a wait is over. */
  waitFlag: 0x498,
  waitActive: 0x4a0,
} as const;

/** Vectors that point to fonts: all characters of graphics modes, and 80h to FFh of those of 8 lines. */
export const VIDEO_VECTORS = { font: 0x43 * 4, upperHalf: 0x1f * 4 } as const;

/** The base that the keyboard buffer's pointers count from. */
export const BDA_BASE = 0x400;
export const BDA_BYTES = 0x100;

/** Our own variables in the EBDA; its first byte is its size in KiB. */
export const EBDA = {
  sizeKib: EBDA_BASE,
  /** Fixed disk parameter tables of drives 80h and 81h, 16 bytes each (vectors 41h and 46h). */
  diskTables: EBDA_BASE + 0x3d,
  /** CS:IP of the exception that was logged last, so that a loop of faults logs one line. */
  loggedException: EBDA_BASE + 0x80,
  /** Ends of running waits, in cycles, 64 bits. */
  waitDeadline: EBDA_BASE + 0x88,
  serialDeadline: EBDA_BASE + 0x90,
  /** Number of the VESA mode that is set, with the bits that it was set with; 0 for none. */
  vesaMode: EBDA_BASE + 0x98,
  /** How the last transfer of a disk has ended: a status of INT 13h. */
  transferStatus: EBDA_BASE + 0x9c,
  /** INT 19h: the candidate and step that it is at, and a byte for each candidate that failed, up to 8. */
  bootCandidate: EBDA_BASE + 0x9d,
  bootStep: EBDA_BASE + 0x9e,
  bootFailures: EBDA_BASE + 0xa0,
  /** What was booted from a CD, 16 bytes (drives.ts). */
  cdBoot: EBDA_BASE + 0xb0,
  /** PS/2 mouse: the program's handler (far), bytes of a packet, how many have come, whether it is enabled, the packet (8 bytes). */
  mouseHandler: EBDA_BASE + 0xc0,
  mousePacketBytes: EBDA_BASE + 0xc4,
  mouseReceived: EBDA_BASE + 0xc5,
  mouseEnabled: EBDA_BASE + 0xc6,
  mousePacket: EBDA_BASE + 0xc8,
  /** A command to it: bytes sent, to send, answered, answers expected; its bytes and its answers (4 each); until when it may take. */
  mouseSent: EBDA_BASE + 0xd0,
  mouseCommand: EBDA_BASE + 0xd4,
  mouseAnswers: EBDA_BASE + 0xd8,
  mouseDeadline: EBDA_BASE + 0xe0,
} as const;
