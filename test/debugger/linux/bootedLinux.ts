/**
 * A Debian kernel with a shell under the debug adapter, in this process: a client that asks as an editor does, the session behind it,
 * and the guest's serial line, on which the guest itself says what is true.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { machineFactory } from '../../../src/cli/debugMachines';
import { launchMachine } from '../../../src/host/node/launch';
import type { CpuState } from '../../../src/monitor/inspection/queries';
import type { MachineSession } from '../../../src/monitor/machine/session';
import { PROMPT } from '../../guests/support/conversation';
import { LINUX } from '../../guests/support/testGuests';
import type { UserProgram } from './userProgram';
import type { DapClient } from '../client';
import { connect, FILES } from '../harness';

export interface LinuxKind {
  readonly flavour: '686' | '686-pae' | 'amd64';
  readonly initrd: string;
  readonly cpuModel: string;
  readonly parameters?: string;
  readonly cpus?: number;
  /** Programs that it gets beside those of its initial RAM file system, with their symbols. */
  readonly program?: UserProgram;
}

/** Without the self-tests of the kernel's cryptography, which are half of a boot. */
const PARAMETERS = 'console=ttyS0,115200 cryptomgr.notests';
/** A function of the kernel on which a breakpoint is set before there is a kernel. */
export const EARLY_BREAKPOINT = 'proc_pid_stack';
const ANSWER_MS = 120_000;
const BOOT_MS = 600_000;
const MOST_TRIES = 100;

export class BootedLinux {
  private output = '';
  private seen = 0;

  private constructor(readonly client: DapClient, readonly session: MachineSession) {}

  /** Boots to the shell's first prompt. */
  static async boot({ flavour, initrd, cpuModel, parameters = '', cpus = 1, program }: LinuxKind): Promise<BootedLinux> {
    let session: MachineSession | undefined;
    const factory = machineFactory(LINUX, async (images) => session = await launchMachine(images));
    const client = connect(factory, FILES, ANSWER_MS);
    await client.launch({
      kernel: path.join(LINUX, `vmlinuz-${flavour}`), initrd: (program?.withPrograms ?? ((same) => same))(path.join(LINUX, `${initrd}.cpio`)),
      memory: '256M', cpuModel, cpus, ...(program ? { symbolPaths: [program.symbols] } : {}),
      cmdline: `${PARAMETERS} ${parameters}`, stopOnEntry: false, timeTravel: false,
    }, async () => {
      const { breakpoints } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name: EARLY_BREAKPOINT }] });
      assert.deepEqual(breakpoints.map(({ verified }) => verified), [false], 'nothing has a name yet');
    });
    assert.ok(session);
    const linux = new BootedLinux(client, session);
    await linux.waitFor(PROMPT, BOOT_MS);
    // Messages of the kernel are not to come between what commands print.
    await linux.type('dmesg -n 1; stty -echo');
    return linux;
  }

  /** Types a command, and gives what it prints. */
  async type(command: string): Promise<string> {
    await this.send(command);
    const text = await this.waitFor(PROMPT, BOOT_MS);
    return text.replace(PROMPT, '').trimEnd();
  }

  /** Types a command and does not wait for anything. */
  async send(command: string): Promise<void> {
    await this.client.request('shadowbox.serialInput', { port: 'com1', data: Buffer.from(`${command}\n`).toString('base64') });
  }

  /** The text up to the end of what matches, behind what was waited for before. */
  async waitFor(pattern: RegExp, milliseconds: number): Promise<string> {
    for (;;) {
      const text = this.output.slice(this.seen).replaceAll('\r', '').replaceAll('\x1b[6n', '');
      const match = pattern.exec(text);
      if (match) {
        this.seen = this.output.length;
        return text.slice(0, match.index + match[0].length);
      }
      const { data } = await this.client.event('shadowbox.serial', () => true, milliseconds);
      this.output += Buffer.from(data, 'base64').toString('latin1');
    }
  }

  async pause(): Promise<void> {
    const stop = this.client.event('stopped');
    await this.client.request('pause', { threadId: 1 });
    await stop;
  }

  async goOn(): Promise<void> {
    await this.client.request('continue', { threadId: 1 });
  }

  async frames(threadId?: number): Promise<Dap.StackFrame[]> {
    return (await this.client.request('stackTrace', { threadId: threadId ?? await this.turn() })).stackFrames;
  }

  /** The thread whose turn it is. */
  async turn(): Promise<number> {
    return (await this.session.inspect.cpu()).processor.index + 1;
  }

  /** Lets it go and pauses it until a CPU stands so whose turn it is. */
  async pauseWhere(holds: (cpu: CpuState) => boolean): Promise<CpuState> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      await this.pause();
      const cpu = await this.session.inspect.cpu();
      if (holds(cpu)) return cpu;
      await this.goOn();
    }
    return assert.fail(`after ${MOST_TRIES} pauses no CPU stood as it was wanted`);
  }

  /** What a command of the console prints, and how long that took. */
  async console(command: string): Promise<string> {
    const start = performance.now();
    const { result } = await this.client.request('evaluate', { expression: command, context: 'repl' });
    console.log(`      ${command}: ${(performance.now() - start).toFixed(0)} ms`);
    return result;
  }

  /** What the debugger says of the process that the CPU runs whose turn it is. */
  async runs(): Promise<string> {
    const rows = (await this.console('current')).split('\n');
    return rows.length === 1 ? rows[0] : rows[await this.turn() - 1].replace(/^CPU \d+: /, '');
  }

  /** An expression's value as a watch shows it, in the frame of a number. */
  async value(expression: string, frameId?: number): Promise<string> {
    return (await this.client.request('evaluate', { expression, context: 'watch', ...(frameId === undefined ? {} : { frameId }) })).result;
  }

  /** The number that an expression comes to. */
  async number(expression: string): Promise<bigint> {
    const result = await this.value(expression);
    return BigInt(/0x[0-9a-f]+/.exec(result)?.[0] ?? /^-?\d+/.exec(result)?.[0] ?? 'no number');
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}

/** The md5 sum of a text, as `md5sum` says it. */
export function md5(lines: Iterable<string>): string {
  const hash = createHash('md5');
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest('hex');
}
