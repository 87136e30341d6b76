/**
 * Machine memory: the one shared WebAssembly memory of a machine, its views, and the allocator of
 * machine frames (4 KiB). Frames are given out zeroed, and counted. One frame of zeros is always there.
 */
import { FarAddresses } from './farAddresses';
import { Effort } from './effort';
import { FIRST_FRAME, FRAMES_BASE, PAGE_BYTES } from './layout';

const WASM_PAGE = 65536;

/** What is known of a frame beside its bytes. */
export const FRAME = {
  /** Guest writes are dropped. */
  rom: 1,
  /** Holds a guest page table from which shadow entries derive: writes are traced. */
  table: 2,
  /** Holds code of which decoded records exist: writes are traced. */
  code: 4,
  /** Several guest-physical pages may stand on it: a write gives the page a frame of its own first. */
  shared: 8,
  /** Its page has not been written since the last snapshot, which wants to know before it is. */
  kept: 16,
} as const;

/** Bytes that generated code may read behind the last frame: instructions are read some words at a time. */
const READ_BEYOND = 64;

export class MachineMemory {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly view: DataView;
  /** What the monitor has done for the guest in the present slice. */
  readonly effort = new Effort();
  /** Linear addresses that are no exact numbers by themselves. */
  readonly far = new FarAddresses();
  /** FRAME bits by frame number minus FIRST_FRAME. */
  private readonly flags: Uint8Array;
  private readonly freeFrames: number[] = [];
  private nextFrame = FIRST_FRAME;
  /** The frame of zeros, which every page that was never written may share. It is in no count. */
  readonly zeroFrame: number;
  /** Guest-physical pages on a shared frame, by frame number minus FIRST_FRAME. */
  private readonly sharers: Int32Array;
  private readonly frameEnd: number;

  /** First of the frames of video memory, which lie side by side, are there all the time, and in no count. */
  readonly videoFrame: number;

  /**
   * @param frames most machine frames that will ever be in use
   * @param videoFrames how many there are besides for video memory
   */
  constructor(frames: number, readonly videoFrames = 0) {
    const withZero = frames + videoFrames + 1;
    const pages = Math.ceil((FRAMES_BASE + withZero * PAGE_BYTES + READ_BEYOND) / WASM_PAGE);
    if (pages > 65536) throw new Error('Machine memory is limited to 4 GiB');
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.flags = new Uint8Array(withZero);
    this.sharers = new Int32Array(withZero);
    this.frameEnd = FIRST_FRAME + withZero;
    this.zeroFrame = this.nextFrame++;
    this.setFrameFlag(this.zeroFrame, FRAME.shared);
    this.videoFrame = this.nextFrame;
    this.nextFrame += videoFrames;
  }

  /** The bytes of video memory. */
  get video(): Uint8Array {
    return this.u8.subarray(this.videoFrame * PAGE_BYTES, (this.videoFrame + this.videoFrames) * PAGE_BYTES);
  }

  /** Size in pages of 64 KiB, as modules import it. */
  get wasmPages(): number {
    return this.memory.buffer.byteLength / WASM_PAGE;
  }

  /** Frames in use. */
  get framesInUse(): number {
    return this.nextFrame - FIRST_FRAME - 1 - this.videoFrames - this.freeFrames.length;
  }

  /** A zeroed frame's number; its host address is number * 4096. */
  allocate(): number {
    const reused = this.freeFrames.pop();
    if (reused !== undefined) {
      this.u8.fill(0, reused * PAGE_BYTES, (reused + 1) * PAGE_BYTES);
      return reused;
    }
    if (this.nextFrame === this.frameEnd) throw new Error('Machine memory is used up');
    return this.nextFrame++;
  }

  free(frame: number): void {
    this.flags[frame - FIRST_FRAME] = 0;
    this.sharers[frame - FIRST_FRAME] = 0;
    this.freeFrames.push(frame);
  }

  /** One more page stands on a frame, or one fewer; the first time that it is shared, it has one. Gives how many there are now. */
  addSharer(frame: number, change: 1 | -1): number {
    if (frame === this.zeroFrame) return 1;
    const before = this.frameFlags(frame) & FRAME.shared ? (this.sharers[frame - FIRST_FRAME] ?? 0) : 1;
    this.setFrameFlag(frame, FRAME.shared);
    return (this.sharers[frame - FIRST_FRAME] = before + change);
  }

  frameFlags(frame: number): number {
    return this.flags[frame - FIRST_FRAME] ?? 0;
  }

  setFrameFlag(frame: number, flag: number): void {
    this.flags[frame - FIRST_FRAME] = this.frameFlags(frame) | flag;
  }

  clearFrameFlag(frame: number, flag: number): void {
    this.flags[frame - FIRST_FRAME] = this.frameFlags(frame) & ~flag;
  }

  /** Reads 1, 2, 4 bytes (unsigned) at a host address. */
  read(host: number, size: number): number {
    if (size === 4) return this.view.getUint32(host, true);
    return size === 1 ? this.view.getUint8(host) : this.view.getUint16(host, true);
  }

  write(host: number, size: number, value: number): void {
    if (size === 4) this.view.setUint32(host, value, true);
    else if (size === 1) this.view.setUint8(host, value);
    else this.view.setUint16(host, value, true);
  }
}
