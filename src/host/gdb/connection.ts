/**
 * One client of GDB's, from its first packet to its last: answers packets one after the other, lets the machine go and tells
 * how it has stopped. Knows nothing of sockets.
 *
 * Source: Debugging with GDB, appendix E (GDB remote serial protocol).
 */
import { MachineError } from '../../monitor/machine/blame';
import type { MachineSession, StopReport } from '../../monitor/machine/session';
import { Breakpoints } from './breakpoints';
import { readBinary, readHex, writeBinary, writeHex } from './memory';
import { monitorCommand } from './monitorCommands';
import { bigNumber, hexOfSentence, hexOfValue, malformed, smallNumber, valueOfHex } from './numbers';
import { PACKET_BYTES, PacketReader, bytesOf, packet, type Arrival } from './packets';
import { answerQuery, type QueryContext } from './queries';
import type { GdbArchitecture } from './registers';
import { CONTINUE, resumptionOf, step, threadOf, type Resumption } from './resumption';
import { exitReply, stopReply, storyOfStop } from './stopReplies';
import { Target } from './target';

/** What a connection needs of the server that it belongs to. */
export interface ConnectionSurroundings {
  send(bytes: Uint8Array): void;
  /** Closes the connection from our side. */
  close(): void;
  /** The client has left the machine in good order, and is gone. */
  detached(): void;
  /** The client has left the machine in good order, and stays; it may take it again. */
  released(): void;
  /** The client that has stayed takes the machine again. */
  taken(): void;
  /** The client wants the machine to end. */
  kill(): void;
  /** The machine cannot be had; then the connection is closed. */
  failed(message: string): void;
  /** Why the machine stands, if a reason is known from before. */
  readonly lastStop: StopReport | undefined;
  /** How registers are described to the client. */
  architecture(session: MachineSession): Promise<GdbArchitecture>;
}

/** An answer; undefined when none is to be sent. */
type Answer = string | undefined;
type Handler = (argument: string) => Answer | Promise<Answer>;

const OWN_FAULT = 'E.Internal error of Shadowbox';

export class GdbConnection {
  private readonly reader = new PacketReader();
  private readonly handlers: ReadonlyMap<string, Handler>;
  private readonly words: readonly (readonly [string, Handler])[];
  private target: Target | undefined;
  private breakpoints: Breakpoints | undefined;
  private acknowledges = true;
  private acknowledgesNext = true;
  private lastSent: Uint8Array | undefined;
  /** What was asked and is not answered yet. */
  private queue: Promise<void>;
  private waiting = 0;
  /** Set while the machine goes on this client's behalf. */
  private onStop: ((report: StopReport) => void) | undefined;
  private interruptWanted = false;
  private lastStop: StopReport | undefined;
  private saidLongMode = false;
  private over = false;
  /** Whether the client stays when the machine has ended, and may run it again (extended-remote). */
  private isExtended = false;
  /** Whether it has ended the machine, and not run it again. */
  private hasKilled = false;
  /** Whether it has left the machine to itself, and not taken it again. */
  private hasReleased = false;

  constructor(private readonly session: MachineSession, private readonly surroundings: ConnectionSurroundings) {
    this.lastStop = surroundings.lastStop;
    this.handlers = this.makeHandlers();
    this.words = this.makeWords();
    this.queue = this.begin();
  }

  /** The machine stands as long as the client does not say otherwise. */
  private async begin(): Promise<void> {
    try {
      await this.session.control.pause();
      this.target = await Target.of(this.session, await this.surroundings.architecture(this.session));
      this.breakpoints = new Breakpoints(this.session.control, this.target.layout.architecture === 'amd64' ? 2n ** 64n - 1n : 2n ** 32n - 1n);
    } catch (error) {
      this.surroundings.failed(error instanceof Error ? error.message : String(error));
      this.end();
    }
  }

  private end(): void {
    this.over = true;
    this.surroundings.close();
  }

  // What comes.

  receive(bytes: Uint8Array): void {
    for (const arrival of this.reader.take(bytes)) this.handle(arrival);
  }

  private handle(arrival: Arrival): void {
    if (this.over || arrival.kind === 'received') return;
    if (arrival.kind === 'again') {
      if (this.lastSent && this.acknowledges) this.surroundings.send(this.lastSent);
    } else if (arrival.kind === 'interrupt') this.interrupt();
    else if (arrival.kind === 'damaged') this.acknowledge('-');
    else {
      this.acknowledge('+');
      this.enqueue(arrival.body);
    }
  }

  private acknowledge(sign: '+' | '-'): void {
    if (this.acknowledges) this.surroundings.send(bytesOf(sign));
  }

  private enqueue(body: string): void {
    this.waiting++;
    this.queue = this.queue.then(async () => {
      const answer = this.over ? undefined : await this.answer(body);
      this.waiting--;
      if (answer !== undefined && !this.over) this.send(answer);
      this.acknowledges = this.acknowledgesNext;
    });
  }

  /** Ctrl-C: means the run under way, or one that is about to begin. */
  private interrupt(): void {
    this.interruptWanted = this.waiting > 0;
    if (this.onStop) void this.session.control.pause().catch(() => undefined);
  }

  private send(body: string): void {
    this.lastSent = packet(body);
    this.surroundings.send(this.lastSent);
  }

  /** Prints on GDB's console. Only while it waits for the machine, or for a command's end. */
  private print(text: string): void {
    const bytes = hexOfSentence(text);
    for (let at = 0; at < bytes.length; at += PACKET_BYTES - 2) this.send(`O${bytes.slice(at, at + PACKET_BYTES - 2)}`);
  }

  private async answer(body: string): Promise<Answer> {
    try {
      const letter = body.charAt(0);
      if (letter === 'q' || letter === 'Q') return await answerQuery(body, this.queryContext());
      const word = this.words.find(([name]) => body.startsWith(name));
      if (word) return await word[1](body.slice(word[0].length));
      return await (this.handlers.get(letter)?.(body.slice(1)) ?? '');
    } catch (error) {
      // Characters with a meaning of their own in packets have no place in a message.
      return error instanceof MachineError ? `E.${error.message.replace(/[^\x20-\x7e]|[#$}*]/g, ' ')}` : OWN_FAULT;
    }
  }

  // The machine.

  /** Told whenever the machine has stopped, whoever set it going. */
  stopped(report: StopReport): void {
    this.lastStop = report;
    this.target?.changed();
    const { onStop } = this;
    this.onStop = undefined;
    onStop?.(report);
  }

  /** The client is gone without a word, or the server closes. Breakpoints do not outlive their client. */
  async closed(): Promise<void> {
    this.over = true;
    if (this.hasKilled) this.surroundings.kill();
    await this.breakpoints?.clear().catch(() => undefined);
  }

  private ready(): { readonly target: Target; readonly breakpoints: Breakpoints } {
    const { target, breakpoints } = this;
    if (!target || !breakpoints) throw new MachineError('The machine is not ready.', 'internal');
    return { target, breakpoints };
  }

  /** Sets the machine going, and waits until it stands. */
  private async go(start: () => Promise<void>): Promise<StopReport> {
    const stop = new Promise<StopReport>((resolve) => { this.onStop = resolve; });
    try {
      await start();
    } catch (error) {
      this.onStop = undefined;
      throw error;
    }
    if (this.interruptWanted) await this.session.control.pause();
    const report = await stop;
    this.interruptWanted = false;
    return report;
  }

  private async resume(resumption: Resumption): Promise<Answer> {
    const { breakpoints } = this.ready();
    await breakpoints.apply();
    try {
      return await this.tell(await this.run(resumption));
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      return this.cannotGo(error, resumption.kind !== 'run');
    }
  }

  private async run(resumption: Resumption): Promise<StopReport> {
    const { control } = this.session;
    if (resumption.kind === 'run') return this.go(() => control.resume(resumption.request));
    if (resumption.kind === 'step-back') return this.go(() => control.stepBack('instruction'));
    const report = await this.lastAccess() ?? await this.go(() => control.reverseContinue());
    if (report.reason.kind !== 'watchpoint') return report;
    // Backwards, GDB expects to stand where the access has not been made yet.
    return { ...await this.go(() => control.stepBack('instruction')), reason: report.reason };
  }

  /**
   * The machine stands behind accesses, GDB backwards before them: so the one that the last instruction has made, which for
   * the machine is no stop before the present, is one for GDB. Undefined when it has made none.
   */
  private async lastAccess(): Promise<StopReport | undefined> {
    const { target, breakpoints } = this.ready();
    if (!breakpoints.watches || await this.isAtBeginning(target)) return undefined;
    const { control } = this.session;
    await this.go(() => control.stepBack('instruction'));
    const report = await this.go(() => control.resume({ kind: 'instructions', count: 1 }));
    return report.reason.kind === 'watchpoint' ? report : undefined;
  }

  private async isAtBeginning(target: Target): Promise<boolean> {
    const { moments: [first], present } = await target.timeline();
    return first !== undefined && first.retired >= present.retired;
  }

  /** The machine has come to an end, in one direction or the other. GDB waits for a stop, whatever happens. */
  private async cannotGo(error: MachineError, backwards: boolean): Promise<Answer> {
    const { target } = this.ready();
    const report = this.lastStop;
    if (backwards) {
      if (await this.isAtBeginning(target)) return `T05thread:${(await target.current()).toString(16)};replaylog:begin;`;
    } else if (report) {
      const exit = exitReply(report.reason);
      if (exit !== undefined) return exit;
    }
    this.print(`${error.message}\n`);
    return `T05thread:${(await target.current()).toString(16)};`;
  }

  /** The stop reply, and sentences before it. */
  private async tell(report: StopReport): Promise<string> {
    const { target, breakpoints } = this.ready();
    const { reason } = report;
    const exit = exitReply(reason);
    const story = storyOfStop(reason);
    if (exit !== undefined && !target.hasTimeline) return exit;
    if (story !== undefined) this.print(`${story}\n`);
    const thread = await target.current();
    target.selected = thread;
    await this.sayLongMode(target);
    return stopReply(report, thread, breakpoints.reached(reason));
  }

  /** GDB takes an architecture when it connects, and no other later. */
  private async sayLongMode(target: Target): Promise<void> {
    if (target.layout.architecture !== 'i386' || this.saidLongMode || (await target.state()).mode !== 'long-64') return;
    this.saidLongMode = true;
    this.print('The guest runs 64-bit code now, and this connection has 32-bit registers: "disconnect" and "target remote" again for all of them.\n');
  }

  private queryContext(): QueryContext {
    const { target } = this.ready();
    return {
      target,
      endAcknowledgements: () => { this.acknowledgesNext = false; },
      print: (text) => this.print(text),
      monitor: (line) => monitorCommand(line, { target, go: (start) => this.go(start), quit: () => this.killLater() }),
    };
  }

  /** Ends the machine when the answer is out. */
  private killLater(): void {
    void this.queue.then(() => this.surroundings.kill());
  }

  // Packets.

  private makeHandlers(): ReadonlyMap<string, Handler> {
    return new Map<string, Handler>([
      ['!', () => {
        this.isExtended = true;
        return 'OK';
      }],
      ['?', () => this.standing()],
      ['g', () => this.readRegisters()],
      ['G', (values) => this.writeRegisters(values)],
      ['p', (number) => this.readRegister(number)],
      ['P', (text) => this.writeRegister(text)],
      ['m', (text) => readHex(this.ready().target, text)],
      ['x', (text) => readBinary(this.ready().target, text)],
      ['M', (text) => writeHex(this.ready().target, text)],
      ['X', (text) => writeBinary(this.ready().target, text)],
      ['H', (text) => this.select(text)],
      ['T', (thread) => (this.ready().target.has(smallNumber(thread)) ? 'OK' : 'E01')],
      ['Z', (text) => this.ready().breakpoints.insert(text)],
      ['z', (text) => this.ready().breakpoints.remove(text)],
      ['c', (address) => this.resumeAt(address, CONTINUE)],
      ['C', (text) => this.resumeAt(text.split(';')[1] ?? '', CONTINUE)],
      ['s', (address) => this.resumeAt(address, step(undefined))],
      ['S', (text) => this.resumeAt(text.split(';')[1] ?? '', step(undefined))],
      ['k', () => this.kill()],
      ['R', () => this.restart()],
      ['D', () => this.detach()],
    ]);
  }

  /** Packets whose names have several letters. */
  private makeWords(): readonly (readonly [string, Handler])[] {
    return [
      ['vMustReplyEmpty', () => ''],
      ['vCont?', () => 'vCont;c;C;s;S;r'],
      ['vCont;', async (text) => this.resume(resumptionOf(text, await this.ready().target.current()))],
      ['vKill;', () => this.kill('OK')],
      ['vRun;', async () => {
        this.take();
        await this.restart();
        return this.standing();
      }],
      ['vAttach;', () => this.attach()],
      ['bs', () => this.resume({ kind: 'step-back' })],
      ['bc', () => this.resume({ kind: 'reverse-continue' })],
    ];
  }

  private async standing(): Promise<string> {
    const { target } = this.ready();
    return `T05thread:${(await target.current()).toString(16)};`;
  }

  /** `H g thread`, `H c thread`: threads that go on are named by vCont, so the latter changes nothing. */
  private async select(text: string): Promise<string> {
    const { target } = this.ready();
    const thread = threadOf(text.slice(1));
    if (thread !== 'all' && !target.has(thread)) return 'E01';
    if (text.startsWith('g')) target.selected = thread === 'all' ? await target.current() : thread;
    return 'OK';
  }

  private async readRegisters(): Promise<string> {
    const { target } = this.ready();
    const cpu = await target.registers();
    const { registers, together } = target.layout;
    return registers.slice(0, together).map((register) => hexOfValue(register.read(cpu), register.bits / 8)).join('');
  }

  /** Sets those that differ: some cannot be set to anything but what they have. */
  private async writeRegisters(values: string): Promise<string> {
    const { target } = this.ready();
    let at = 0;
    for (const register of target.layout.registers.slice(0, target.layout.together)) {
      const digits = values.slice(at, at + register.bits / 4);
      at += register.bits / 4;
      if (digits.length < register.bits / 4) break;
      const value = valueOfHex(digits);
      const cpu = await target.registers();
      if (value !== undefined && value !== BigInt.asUintN(register.bits, register.read(cpu) ?? 0n)) await target.setRegister(register, value);
    }
    return 'OK';
  }

  private async readRegister(number: string): Promise<string> {
    const { target } = this.ready();
    const register = target.layout.registers[smallNumber(number)];
    return register ? hexOfValue(register.read(await target.registers()), register.bits / 8) : 'E01';
  }

  /** `P number=value`. */
  private async writeRegister(text: string): Promise<string> {
    const { target } = this.ready();
    const [number, digits = ''] = text.split('=');
    const register = target.layout.registers[smallNumber(number)];
    if (!register) return 'E01';
    const value = valueOfHex(digits);
    if (value === undefined || digits.length !== register.bits / 4) throw malformed(`${register.name} has ${register.bits / 8} bytes`);
    await target.setRegister(register, value);
    return 'OK';
  }

  private async resumeAt(address: string, resumption: Resumption): Promise<Answer> {
    const { target } = this.ready();
    const counter = target.layout.registers.find(({ type }) => type === 'code_ptr');
    if (address !== '' && counter) await target.setRegister(counter, bigNumber(address));
    return this.resume(resumption);
  }

  private async restart(): Promise<Answer> {
    const { target } = this.ready();
    this.hasKilled = false;
    await this.session.control.reset();
    this.lastStop = undefined;
    target.changed();
    target.selected = await target.current();
    return undefined;
  }

  /** The machine goes on by itself. Who stays may take it again. */
  private async detach(): Promise<Answer> {
    await this.ready().breakpoints.clear();
    await this.session.control.setExceptionStops([]);
    if (this.isExtended) {
      this.hasReleased = true;
      this.surroundings.released();
      return 'OK';
    }
    this.send('OK');
    this.surroundings.detached();
    this.end();
    return undefined;
  }

  private async attach(): Promise<string> {
    this.take();
    await this.session.control.pause();
    const { target } = this.ready();
    target.changed();
    target.selected = await target.current();
    return this.standing();
  }

  /** It has the machine, also if it had let go of it. */
  private take(): void {
    if (this.hasReleased) this.surroundings.taken();
    this.hasReleased = false;
  }

  /** Who stays may run the machine again, from its power-on. */
  private kill(answer?: string): Answer {
    this.hasKilled = this.isExtended;
    if (this.isExtended) return answer;
    if (answer !== undefined) this.send(answer);
    this.surroundings.kill();
    this.end();
    return undefined;
  }
}
