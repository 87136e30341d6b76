/**
 * One TCP connection with the guest, from our end (RFC 9293): states, windows, what is sent when. What the bytes are for is its
 * user's concern, and so is what it is connected to.
 */
import type { Timer, Timers } from '../timers';
import { ByteQueue } from './byteQueue';
import { CongestionControl } from './congestion';
import { ReceiveQueue } from './receiveQueue';
import { RetransmissionTimeout } from './retransmission';
import { FLAG, advance, distance, sequenceLength } from './segment';
import type { Segment } from './segment';

export type TcpState =
  | 'syn-sent' | 'syn-received' | 'established' | 'fin-wait-1' | 'fin-wait-2' | 'close-wait' | 'closing' | 'last-ack' | 'time-wait' | 'closed';

/** Whoever has a connection. */
export interface TcpUser {
  connected(): void;
  /** Data in order. Its place in the window is free again when the user says `consumed`. */
  received(bytes: Uint8Array): void;
  /** The guest sends no more. */
  ended(): void;
  /** There is room in the send buffer again. */
  sendable(): void;
  /** It is over; `orderly` when both sides had closed. */
  closed(how: 'orderly' | 'reset' | 'refused' | 'timed-out'): void;
}

export interface Ends {
  /** Ours. */
  readonly sourcePort: number;
  /** The guest's. */
  readonly destinationPort: number;
}

export interface ConnectionSurroundings {
  readonly timers: Timers;
  readonly random: () => number;
  readonly send: (segment: Segment) => void;
}

/** Bytes that the guest may send ahead of what the host has taken. */
export const RECEIVE_CAPACITY = 256 * 1024;
/** Bytes that may wait to be acknowledged by the guest before the user should send no more. */
export const SEND_CAPACITY = 256 * 1024;
/** Ours: windows of up to 1 MiB. */
const WINDOW_SCALE = 4;
const SEGMENT_SIZE = 1460;
/** What a peer takes that says nothing (RFC 9293, 3.7.1), and the least that makes sense. */
const DEFAULT_SEGMENT_SIZE = 536;
const LEAST_SEGMENT_SIZE = 64;
/** Nothing lives for long on a cable of a few bytes of memory: MSL of 5 s, and twice that. */
const TIME_WAIT_MS = 10_000;
const MOST_RETRANSMISSIONS = 10;
const MOST_SYNS = 5;
const LONGEST_PROBE_MS = 60_000;
const FIRST_PROBE_MS = 500;
/** A guest that says nothing is asked whether it is still there. */
const KEEP_ALIVE_MS = 300_000;
const KEEP_ALIVE_AGAIN_MS = 30_000;
const MOST_KEEP_ALIVES = 5;

export class TcpConnection {
  state: TcpState = 'closed';
  // Send sequence space (names of RFC 9293, 3.3.1).
  private readonly initial: number;
  private unacknowledged: number;
  private next: number;
  private highest: number;
  private sendWindow = 0;
  private windowSequence = 0;
  private windowAcknowledgment = 0;
  private sendScale = 0;
  private readonly queue = new ByteQueue();
  private finQueued = false;
  private synAcknowledged = false;
  // Receive sequence space.
  private expected = 0;
  private receiveScale = 0;
  private unread = 0;
  private advertisedEdge = 0;
  private readonly early = new ReceiveQueue();
  private finAt: number | undefined;
  // Time.
  private readonly timeout = new RetransmissionTimeout();
  private congestion = new CongestionControl(DEFAULT_SEGMENT_SIZE);
  private segmentSize = DEFAULT_SEGMENT_SIZE;
  private timed: { readonly sequence: number; readonly at: number } | undefined;
  private retries = 0;
  private readonly retransmitTimer: Timer;
  private readonly persistTimer: Timer;
  private readonly idleTimer: Timer;
  private lastHeard: number;
  private ackPending = false;

  private constructor(private readonly ends: Ends, private readonly user: TcpUser, private readonly around: ConnectionSurroundings) {
    this.initial = around.random();
    this.unacknowledged = this.initial;
    this.next = this.initial;
    this.highest = this.initial;
    this.retransmitTimer = around.timers.create(() => this.retransmit());
    this.persistTimer = around.timers.create(() => this.probe());
    this.idleTimer = around.timers.create(() => this.idled());
    this.lastHeard = around.timers.now();
  }

  /** Answers the guest's SYN. */
  static accept(syn: Segment, ends: Ends, user: TcpUser, around: ConnectionSurroundings): TcpConnection {
    const connection = new TcpConnection(ends, user, around);
    connection.state = 'syn-received';
    connection.takeSyn(syn);
    connection.sendSyn();
    return connection;
  }

  /** Connects to the guest. */
  static open(ends: Ends, user: TcpUser, around: ConnectionSurroundings): TcpConnection {
    const connection = new TcpConnection(ends, user, around);
    connection.state = 'syn-sent';
    connection.receiveScale = WINDOW_SCALE;
    connection.sendSyn();
    return connection;
  }

  // What the user asks.

  /** Room in the send buffer; `send` takes more than that, but should not be given it for long. */
  get room(): number {
    return SEND_CAPACITY - this.queue.length;
  }

  send(bytes: Uint8Array): void {
    if (this.finQueued || this.state === 'closed') return;
    this.queue.append(bytes);
    this.transmit();
  }

  /** Sends a FIN behind all that was sent. */
  end(): void {
    if (this.finQueued || this.state === 'closed') return;
    this.finQueued = true;
    if (this.state === 'established') this.state = 'fin-wait-1';
    else if (this.state === 'close-wait') this.state = 'last-ack';
    this.transmit();
  }

  /** Gives up; the guest sees a reset. The user hears no more. */
  abort(): void {
    if (this.state === 'closed') return;
    if (this.state !== 'syn-sent' && this.state !== 'time-wait') this.emit(FLAG.rst | FLAG.ack, this.next, new Uint8Array());
    this.finish();
  }

  /** So many bytes of what was received are out of the way. */
  consumed(bytes: number): void {
    this.unread -= bytes;
    if (this.state === 'closed' || !this.synAcknowledged) return;
    const more = distance(this.edge(), this.advertisedEdge);
    if (more >= Math.min(RECEIVE_CAPACITY / 2, 2 * this.segmentSize)) this.ackPending = true;
  }

  /** Sends the acknowledgment that waits, if one does: once for all frames that came together. */
  settle(): void {
    if (this.ackPending && this.state !== 'closed') this.acknowledge();
  }

  // What the guest sends.

  receive(segment: Segment): void {
    if (this.state === 'closed') return;
    this.lastHeard = this.around.timers.now();
    if (this.state === 'syn-sent') this.receiveInSynSent(segment);
    else this.receiveSynchronized(segment);
  }

  /** Whether a SYN may begin this connection anew (RFC 1122, 4.2.2.13). */
  mayBeReopenedBy(segment: Segment): boolean {
    return this.state === 'time-wait' && (segment.flags & (FLAG.syn | FLAG.ack | FLAG.rst)) === FLAG.syn && distance(segment.sequence, this.expected) > 0;
  }

  private receiveInSynSent(segment: Segment): void {
    const { flags, acknowledgment } = segment;
    const isAck = (flags & FLAG.ack) !== 0;
    if (isAck && acknowledgment !== advance(this.initial, 1)) {
      if ((flags & FLAG.rst) === 0) this.emit(FLAG.rst, acknowledgment, new Uint8Array());
      return;
    }
    if ((flags & FLAG.rst) !== 0) {
      if (isAck) this.close('refused');
      return;
    }
    if ((flags & FLAG.syn) === 0) return;
    this.takeSyn(segment);
    if (isAck) {
      this.establish(segment);
      this.acknowledge();
      this.takeData(segment);
      this.transmit();
    } else {
      // Both have called at once.
      this.state = 'syn-received';
      this.next = this.initial;
      this.sendSyn();
    }
  }

  private receiveSynchronized(segment: Segment): void {
    const { flags, sequence } = segment;
    const isAcceptable = this.isAcceptable(segment);
    if ((flags & FLAG.rst) !== 0) {
      // Only one that is exactly at its place counts; one elsewhere in the window is asked about (RFC 5961, 3.2).
      if (sequence === this.expected) this.close(this.state === 'time-wait' || this.state === 'last-ack' ? 'orderly' : 'reset');
      else if (isAcceptable) this.acknowledge();
      return;
    }
    if ((flags & FLAG.syn) !== 0) {
      if (this.state === 'syn-received' && advance(sequence, 1) === this.expected) this.sendSyn();
      else this.acknowledge();
      return;
    }
    if (!isAcceptable) {
      if (this.state === 'time-wait') this.idleTimer.set(TIME_WAIT_MS);
      // A FIN that comes again, data that came already, a probe of a window or of a life.
      this.acknowledge();
      // What it acknowledges counts all the same: a probe is old data with a new window.
      if ((flags & FLAG.ack) === 0 || distance(sequence, this.expected) > 0 || this.state === 'syn-received') return;
      if (this.takeAck(segment)) this.transmit();
      return;
    }
    if ((flags & FLAG.ack) === 0) return;
    if (this.state === 'syn-received') {
      if (segment.acknowledgment !== advance(this.initial, 1)) {
        this.emit(FLAG.rst, segment.acknowledgment, new Uint8Array());
        return;
      }
      this.establish(segment);
    }
    if (!this.takeAck(segment)) return;
    this.takeData(segment);
    this.transmit();
  }

  /** RFC 9293, 3.10.7.4, first; the window here is the one that was offered. */
  private isAcceptable(segment: Segment): boolean {
    const length = sequenceLength(segment);
    const fromExpected = distance(segment.sequence, this.expected);
    const window = distance(this.advertisedEdge, this.expected);
    if (length === 0) return fromExpected >= 0 && fromExpected <= window;
    const last = fromExpected + length - 1;
    if (window === 0) return false;
    return (fromExpected >= 0 && fromExpected < window) || (last >= 0 && last < window) || (fromExpected < 0 && last >= window);
  }

  private takeSyn(syn: Segment): void {
    this.expected = advance(syn.sequence, 1);
    const isScaled = syn.windowScale !== undefined;
    this.sendScale = syn.windowScale ?? 0;
    this.receiveScale = isScaled ? WINDOW_SCALE : 0;
    this.segmentSize = Math.max(LEAST_SEGMENT_SIZE, Math.min(SEGMENT_SIZE, syn.segmentSize ?? DEFAULT_SEGMENT_SIZE));
    this.congestion = new CongestionControl(this.segmentSize);
    this.advertisedEdge = this.edge();
    this.sendWindow = syn.window;
  }

  private establish(segment: Segment): void {
    this.synAcknowledged = true;
    this.unacknowledged = advance(this.initial, 1);
    this.next = this.unacknowledged;
    this.highest = this.unacknowledged;
    if (this.timed !== undefined && this.retries === 0) this.timeout.measured(this.around.timers.now() - this.timed.at);
    this.timed = undefined;
    this.retries = 0;
    this.timeout.progress();
    this.retransmitTimer.stop();
    this.windowSequence = segment.sequence;
    this.windowAcknowledgment = segment.acknowledgment;
    this.sendWindow = segment.window << ((segment.flags & FLAG.syn) === 0 ? this.sendScale : 0);
    this.state = this.finQueued ? 'fin-wait-1' : 'established';
    this.idleTimer.set(KEEP_ALIVE_MS);
    this.user.connected();
  }

  /** What the acknowledgment in a segment says; false when the rest of it is not to be looked at. */
  private takeAck(segment: Segment): boolean {
    const { acknowledgment } = segment;
    if (distance(acknowledgment, this.highest) > 0) {
      this.acknowledge();
      return false;
    }
    const isNew = distance(acknowledgment, this.unacknowledged);
    const inFlight = distance(this.next, this.unacknowledged);
    const before = this.sendWindow;
    this.updateWindow(segment);
    if (isNew > 0) return this.progress(acknowledgment, isNew);
    const isDuplicate = isNew === 0 && inFlight > 0 && sequenceLength(segment) === 0 && this.sendWindow === before;
    if (isDuplicate && this.congestion.duplicate(inFlight, this.next) === 'retransmit') this.sendFirstAgain();
    return true;
  }

  private updateWindow(segment: Segment): void {
    const newer = distance(segment.sequence, this.windowSequence);
    const isNewer = newer > 0 || (newer === 0 && distance(segment.acknowledgment, this.windowAcknowledgment) >= 0);
    if (!isNewer || distance(segment.acknowledgment, this.unacknowledged) < 0) return;
    this.sendWindow = segment.window << this.sendScale;
    this.windowSequence = segment.sequence;
    this.windowAcknowledgment = segment.acknowledgment;
    if (this.sendWindow === 0 || !this.persistTimer.isSet) return;
    this.persistTimer.stop();
    this.retries = 0;
  }

  /** Something new was acknowledged. */
  private progress(acknowledgment: number, count: number): boolean {
    const data = Math.min(count, this.queue.length);
    const finAcknowledged = this.finQueued && count > this.queue.length;
    const wasFull = this.room <= 0;
    this.queue.drop(data);
    this.unacknowledged = acknowledgment;
    if (distance(this.next, acknowledgment) < 0) this.next = acknowledgment;
    if (this.timed !== undefined && distance(acknowledgment, this.timed.sequence) > 0) {
      this.timeout.measured(this.around.timers.now() - this.timed.at);
      this.timed = undefined;
    }
    this.retries = 0;
    this.timeout.progress();
    const after = this.congestion.acknowledged(data, acknowledgment);
    if (this.next === acknowledgment) this.retransmitTimer.stop();
    else this.retransmitTimer.set(this.timeout.milliseconds);
    if (after === 'retransmit') this.sendFirstAgain();
    if (finAcknowledged && !this.finWasAcknowledged()) return false;
    if (wasFull || this.queue.length < SEND_CAPACITY / 2) this.user.sendable();
    return true;
  }

  /** Our FIN has arrived; false when that was the end. */
  private finWasAcknowledged(): boolean {
    if (this.state === 'fin-wait-1') this.state = 'fin-wait-2';
    else if (this.state === 'closing') this.wait();
    else if (this.state === 'last-ack') {
      this.close('orderly');
      return false;
    }
    return true;
  }

  private takeData({ sequence, flags, payload }: Segment): void {
    if (this.state !== 'established' && this.state !== 'fin-wait-1' && this.state !== 'fin-wait-2') return;
    const start = (flags & FLAG.syn) === 0 ? sequence : advance(sequence, 1);
    const end = advance(start, payload.length);
    const past = Math.max(0, distance(this.expected, start));
    const room = payload.length - Math.max(0, distance(end, this.advertisedEdge));
    const bytes = payload.subarray(past, Math.max(past, room));
    if (bytes.length > 0) {
      const at = advance(start, past);
      if (at === this.expected) {
        this.deliver(bytes.slice());
        for (let more = this.early.take(this.expected); more !== undefined && this.hasNotClosed(); more = this.early.take(this.expected)) this.deliver(more);
        this.ackPending = true;
        // While pieces are missing, each that fills a part is acknowledged at once.
        if (this.early.count > 0) this.acknowledge();
      } else {
        this.early.add(at, bytes);
        this.acknowledge();
      }
    }
    if ((flags & FLAG.fin) !== 0 && room === payload.length) this.finAt = end;
    if (this.finAt === this.expected && this.hasNotClosed()) this.takeFin();
  }

  /** The user may have given up on what it was given. */
  private hasNotClosed(): boolean {
    return this.state !== 'closed';
  }

  private deliver(bytes: Uint8Array): void {
    this.expected = advance(this.expected, bytes.length);
    this.unread += bytes.length;
    this.user.received(bytes);
  }

  private takeFin(): void {
    this.expected = advance(this.expected, 1);
    this.early.clear();
    this.acknowledge();
    if (this.state === 'established') this.state = 'close-wait';
    else if (this.state === 'fin-wait-1') this.state = 'closing';
    else if (this.state === 'fin-wait-2') this.wait();
    this.user.ended();
  }

  // Sending.

  private sendSyn(): void {
    const isAnswer = this.state === 'syn-received';
    const isScaled = !isAnswer || this.receiveScale > 0;
    this.advertisedEdge = this.edge();
    this.around.send({
      ...this.ends,
      sequence: this.initial,
      acknowledgment: isAnswer ? this.expected : 0,
      flags: isAnswer ? FLAG.syn | FLAG.ack : FLAG.syn,
      // A window in a SYN is never scaled.
      window: Math.min(0xffff, RECEIVE_CAPACITY),
      segmentSize: SEGMENT_SIZE,
      ...(isScaled ? { windowScale: WINDOW_SCALE } : {}),
      payload: new Uint8Array(),
    });
    this.next = advance(this.initial, 1);
    this.highest = this.next;
    this.timed ??= { sequence: this.initial, at: this.around.timers.now() };
    this.retransmitTimer.set(this.timeout.milliseconds);
  }

  /** Sends what windows allow, and the FIN behind the last byte. */
  private transmit(): void {
    if (!this.synAcknowledged || this.state === 'closed' || this.state === 'time-wait') return;
    const window = Math.min(this.sendWindow, this.congestion.window);
    for (;;) {
      const inFlight = distance(this.next, this.unacknowledged);
      const left = this.queue.length - inFlight;
      if (left <= 0) break;
      const count = Math.min(left, window - inFlight, this.segmentSize);
      // Rather nothing than a small piece of more, unless nothing is under way (RFC 9293, 3.8.6.2.1).
      if (count <= 0 || (count < left && count < this.segmentSize && inFlight > 0)) break;
      this.sendData(this.next, inFlight, count);
      this.next = advance(this.next, count);
      if (distance(this.next, this.highest) > 0) this.highest = this.next;
    }
    if (this.finQueued && distance(this.next, this.unacknowledged) === this.queue.length) this.sendFin();
    const isWaiting = this.next !== this.unacknowledged;
    if (isWaiting && !this.retransmitTimer.isSet) this.retransmitTimer.set(this.timeout.milliseconds);
    if (!isWaiting && this.queue.length > 0 && this.sendWindow === 0 && !this.persistTimer.isSet) {
      this.persistTimer.set(Math.max(FIRST_PROBE_MS, this.timeout.milliseconds));
    }
  }

  private sendData(sequence: number, offset: number, count: number): void {
    const isNew = distance(advance(sequence, count), this.highest) > 0;
    if (isNew) this.timed ??= { sequence, at: this.around.timers.now() };
    else if (this.timed !== undefined && distance(this.timed.sequence, sequence) >= 0) this.timed = undefined;
    const push = offset + count === this.queue.length ? FLAG.psh : 0;
    this.emit(FLAG.ack | push, sequence, this.queue.copy(offset, count));
  }

  private sendFin(): void {
    this.emit(FLAG.ack | FLAG.fin, this.next, new Uint8Array());
    this.next = advance(this.next, 1);
    if (distance(this.next, this.highest) > 0) this.highest = this.next;
  }

  private sendFirstAgain(): void {
    this.timed = undefined;
    const count = Math.min(this.queue.length, this.segmentSize);
    if (count > 0) this.emit(FLAG.ack, this.unacknowledged, this.queue.copy(0, count));
    else if (this.finQueued) this.emit(FLAG.ack | FLAG.fin, this.unacknowledged, new Uint8Array());
    this.retransmitTimer.set(this.timeout.milliseconds);
  }

  private acknowledge(): void {
    if (this.state === 'closed') return;
    this.emit(FLAG.ack, this.next, new Uint8Array());
  }

  private emit(flags: number, sequence: number, payload: Uint8Array): void {
    const isAck = (flags & FLAG.ack) !== 0;
    if (isAck) {
      this.ackPending = false;
      this.openWindow();
    }
    const window = isAck ? Math.max(0, distance(this.advertisedEdge, this.expected)) >>> this.receiveScale : 0;
    this.around.send({ ...this.ends, sequence, acknowledgment: isAck ? this.expected : 0, flags, window: Math.min(0xffff, window), payload });
  }

  /** The right edge of the window that could be offered now. */
  private edge(): number {
    const most = this.receiveScale > 0 ? RECEIVE_CAPACITY : 0xffff;
    return advance(this.expected, Math.max(0, most - this.unread));
  }

  /** The edge moves by whole segments only, and never back (RFC 9293, 3.8.6.2.2). */
  private openWindow(): void {
    const more = distance(this.edge(), this.advertisedEdge);
    if (more >= Math.min(this.segmentSize, RECEIVE_CAPACITY / 2)) this.advertisedEdge = this.edge();
  }

  // Time.

  private retransmit(): void {
    this.retries += 1;
    const isCalling = this.state === 'syn-sent' || this.state === 'syn-received';
    if (this.retries > (isCalling ? MOST_SYNS : MOST_RETRANSMISSIONS)) {
      if (!isCalling) this.emit(FLAG.rst | FLAG.ack, this.next, new Uint8Array());
      this.close('timed-out');
      return;
    }
    this.timeout.backOff();
    this.timed = undefined;
    if (isCalling) {
      this.sendSyn();
      return;
    }
    this.congestion.timedOut(distance(this.next, this.unacknowledged));
    this.next = this.unacknowledged;
    this.transmit();
    // With the window closed over what was under way, transmit sends nothing; the probes go on from here.
  }

  /** A byte into a closed window, to hear whether it still is (RFC 9293, 3.8.6.1). */
  private probe(): void {
    if (this.sendWindow > 0 || this.queue.length === 0 || this.state === 'closed') return;
    this.retries += 1;
    const wait = Math.min(LONGEST_PROBE_MS, Math.max(FIRST_PROBE_MS, this.timeout.milliseconds) * 2 ** Math.min(this.retries, 10));
    // A guest may keep its window closed as long as it likes, if only it answers.
    if (this.around.timers.now() - this.lastHeard > MOST_RETRANSMISSIONS * LONGEST_PROBE_MS) {
      this.close('timed-out');
      return;
    }
    this.emit(FLAG.ack, this.unacknowledged, this.queue.copy(0, 1));
    const probed = advance(this.unacknowledged, 1);
    if (distance(probed, this.highest) > 0) this.highest = probed;
    this.persistTimer.set(wait);
  }

  private idled(): void {
    if (this.state === 'time-wait') {
      this.close('orderly');
      return;
    }
    const silent = this.around.timers.now() - this.lastHeard;
    if (silent < KEEP_ALIVE_MS) {
      this.idleTimer.set(KEEP_ALIVE_MS - silent);
      return;
    }
    if (silent > KEEP_ALIVE_MS + MOST_KEEP_ALIVES * KEEP_ALIVE_AGAIN_MS) {
      this.emit(FLAG.rst | FLAG.ack, this.next, new Uint8Array());
      this.close('timed-out');
      return;
    }
    this.emit(FLAG.ack, advance(this.unacknowledged, -1), new Uint8Array());
    this.idleTimer.set(KEEP_ALIVE_AGAIN_MS);
  }

  private wait(): void {
    this.state = 'time-wait';
    this.retransmitTimer.stop();
    this.persistTimer.stop();
    this.idleTimer.set(TIME_WAIT_MS);
  }

  private close(how: Parameters<TcpUser['closed']>[0]): void {
    if (this.state === 'closed') return;
    this.finish();
    this.user.closed(how);
  }

  private finish(): void {
    this.state = 'closed';
    for (const timer of [this.retransmitTimer, this.persistTimer, this.idleTimer]) timer.stop();
    this.early.clear();
    this.queue.drop(this.queue.length);
  }
}
