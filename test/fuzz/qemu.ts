/**
 * QEMU as the machine to compare with: one long-living process, driven over its GDB stub, whose memory is a file that we have open, too.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AT, COMPARED_BYTES, RAM_BYTES } from './layout';
import type { MachineState } from './machineState';
import { readRegisters } from './qemuState';
import { RspClient } from './rsp';

const PROGRAM = 'qemu-system-x86_64';
const START_PATIENCE_MS = 10_000;
/** Numbers of registers in the stub's `g` packet for x86-64. */
const GDB = { rip: 0x10, flags: 0x11, cs: 0x12, segments: 6, cr0: 0x1b, cr2: 0x1c, cr3: 0x1d, cr4: 0x1e, efer: 0x20 } as const;
/** The beginning of a `G` packet: 16 general registers and RIP of 8 bytes, flags and six selectors of 4. */
const GENERAL_BYTES = 17 * 8;
const CORE_BYTES = GENERAL_BYTES + 4 + 6 * 4;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const le64 = (value: number): string => hex(new Uint8Array(new BigUint64Array([BigInt(value)]).buffer));
const le32 = (value: number): string => le64(value).slice(0, 8);

/** How a step has ended. */
export type StepResult = 'stepped' | 'shutdown';

export class Qemu {
  private breakpoint: number | undefined;

  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly ram: number,
    private readonly socket: Socket,
    private readonly stub: RspClient,
  ) {}

  /** @param cpu a value for QEMU's `-cpu` */
  static async start(cpu: string): Promise<Qemu> {
    const shared = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    const folder = mkdtempSync(path.join(shared, 'shadowbox-fuzz-'));
    const ramFile = path.join(folder, 'ram');
    const socketPath = path.join(folder, 'stub');
    const child = spawn(PROGRAM, [
      '-accel', 'tcg', '-M', 'isapc,memory-backend=ram', '-m', `${RAM_BYTES / 2 ** 20}M`,
      '-object', `memory-backend-file,id=ram,size=${RAM_BYTES},mem-path=${ramFile},share=on`,
      '-cpu', cpu, '-display', 'none', '-nodefaults', '-serial', 'null', '-S',
      '-chardev', `socket,path=${socketPath},server=on,wait=off,id=stub`, '-gdb', 'chardev:stub',
      '-action', 'reboot=shutdown,shutdown=pause',
    ], { stdio: ['ignore', 'ignore', 'inherit'] });
    try {
      const socket = await connected(socketPath, child);
      const stub = new RspClient(socket);
      // The memory's file is there as soon as the stub answers.
      await stub.request('?');
      // The stub takes single registers (`P`) only from clients that have read its description of them.
      await stub.request('qXfer:features:read:target.xml:0,ffb');
      // Steps let interrupts in; the stub masks them otherwise.
      await stub.command('Qqemu.sstep=1');
      return new Qemu(child, folder, openSync(ramFile, 'r+'), socket, stub);
    } catch (error) {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  /** Ends the process. */
  stop(): void {
    this.socket.destroy();
    this.process.kill('SIGKILL');
    closeSync(this.ram);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Reads memory from 0 up. */
  readMemory(target: Uint8Array): void {
    readSync(this.ram, target, 0, target.length, 0);
  }

  writeMemory(address: number, bytes: Uint8Array): void {
    writeSync(this.ram, bytes, 0, bytes.length, address);
  }

  /** Puts the processor in real mode at AT.prologue with CS = 0 and all general registers 0, and memory to `image`. */
  async load(image: Uint8Array): Promise<void> {
    this.writeMemory(0, image.subarray(0, COMPARED_BYTES));
    await this.set(GDB.flags, le32(2));
    await this.set(GDB.cr0, le64(0x10));
    await this.set(GDB.efer, le64(0));
    await this.set(GDB.cr4, le64(0));
    await this.set(GDB.cr3, le64(0));
    await this.set(GDB.cr2, le64(0));
    const core = Buffer.alloc(CORE_BYTES);
    core.writeUInt32LE(AT.prologue, GENERAL_BYTES - 8);
    core.writeUInt32LE(2, GENERAL_BYTES);
    // A selector that does not change leaves the hidden part as it is: every one gets another value first.
    for (let i = 0; i < GDB.segments; i++) await this.set(GDB.cs + i, le32(0x100));
    // The stub takes as many registers as the packet has.
    await this.stub.command(`G${hex(core)}`);
  }

  /** Runs to a linear address (signed). @returns false when the processor has shut down first */
  async runTo(linear: number): Promise<boolean> {
    const unsigned = (address: number): string => BigInt.asUintN(64, BigInt(address)).toString(16);
    if (this.breakpoint !== linear) {
      if (this.breakpoint !== undefined) await this.stub.command(`z0,${unsigned(this.breakpoint)},1`);
      await this.stub.command(`Z0,${unsigned(linear)},1`);
      this.breakpoint = linear;
    }
    return (await this.stub.request('vCont;c')).startsWith('T05');
  }

  /** One instruction, one iteration of a repeated one, or one delivery of an interrupt or fault. */
  async step(): Promise<StepResult> {
    const answer = await this.stub.request('vCont;s:1');
    return answer.startsWith('T05') ? 'stepped' : 'shutdown';
  }

  async state(): Promise<MachineState> {
    return readRegisters(await this.stub.monitor('info registers'));
  }

  /** RIP alone, which is quicker to get than the whole state. */
  async instructionPointer(): Promise<bigint> {
    const answer = await this.stub.request(`p${GDB.rip.toString(16)}`);
    return Buffer.from(answer, 'hex').readBigUInt64LE();
  }

  /** Drops all cached translations: writing CR3 with what it holds does it. */
  async flushTlb(cr3: bigint): Promise<void> {
    await this.set(GDB.cr3, le64(Number(cr3)));
  }

  async setFlags(flags: number): Promise<void> {
    await this.set(GDB.flags, le32(flags));
  }

  private async set(register: number, value: string): Promise<void> {
    await this.stub.command(`P${register.toString(16)}=${value}`);
  }
}

/** Connects as soon as the process listens. */
async function connected(socketPath: string, child: ChildProcess): Promise<Socket> {
  const deadline = performance.now() + START_PATIENCE_MS;
  let failure: Error | undefined;
  child.once('error', (error) => { failure = error; });
  child.once('exit', (status) => { failure ??= new Error(`${PROGRAM} has ended with status ${status ?? 'unknown'}`); });
  while (performance.now() < deadline && !failure) {
    const socket = await new Promise<Socket | undefined>((resolve) => {
      const attempt = connect(socketPath);
      attempt.once('connect', () => resolve(attempt));
      attempt.once('error', () => resolve(undefined));
    });
    if (socket) return socket;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw failure ?? new Error(`${PROGRAM} has not opened its stub in ${START_PATIENCE_MS} ms`);
}
