/** A 9P2000.L client for tests of the server: one request at a time. */
import assert from 'node:assert/strict';
import { MessageReader, MessageWriter, TYPE } from '../../../src/host/ninep/messages';
import { NinepServer } from '../../../src/host/ninep/server';
import { SharedFolder } from '../../../src/host/node/sharedFolder';

export const NO_FID = 0xffff_ffff;
export const OPEN = { read: 0, write: 1, both: 2, exclusive: 0o200, truncate: 0o1000, append: 0o2000 } as const;

export interface ClientEntry {
  readonly name: string;
  readonly offset: bigint;
  readonly type: number;
}

export class Client {
  readonly server: NinepServer;
  /** Root of the tree: attached by the constructor. */
  readonly root = 0;
  private lastFid = 0;

  constructor(folder: string, writable = true) {
    this.server = new NinepServer(new SharedFolder(folder), { writable });
    assert.equal(this.call(TYPE.version, (w) => w.u32(65_536).text('9P2000.L')).u32(), 65_536);
    this.call(TYPE.attach, (w) => w.u32(this.root).u32(NO_FID).text('root').text('').u32(0));
  }

  /** The answer's body, or the number of the error. */
  attempt(type: number, write: (writer: MessageWriter) => MessageWriter): MessageReader | number {
    const answer = this.server.handle(write(new MessageWriter()).finish(type, 0x1234));
    const view = new DataView(answer.buffer);
    assert.deepEqual([view.getUint32(0, true), view.getUint16(5, true)], [answer.length, 0x1234]);
    if (answer[4] === 7) return new MessageReader(answer).u32();
    assert.equal(answer[4], type + 1);
    return new MessageReader(answer);
  }

  call(type: number, write: (writer: MessageWriter) => MessageWriter): MessageReader {
    const answer = this.attempt(type, write);
    if (typeof answer === 'number') assert.fail(`request ${String(type)}: error ${String(answer)}`);
    return answer;
  }

  /** The error number of a request; 0 when it is done. */
  error(type: number, write: (writer: MessageWriter) => MessageWriter): number {
    const answer = this.attempt(type, write);
    return typeof answer === 'number' ? answer : 0;
  }

  /** A new fid, for these names from another one. Undefined when not all of them are there. */
  find(...names: readonly string[]): number | undefined {
    const fid = ++this.lastFid;
    const answer = this.attempt(TYPE.walk, (w) => names.reduce((writer, name) => writer.text(name), w.u32(this.root).u32(fid).u16(names.length)));
    return typeof answer === 'number' || answer.u16() < names.length ? undefined : fid;
  }

  walk(...names: readonly string[]): number {
    return this.find(...names) ?? assert.fail(`there is no ${names.join('/')}`);
  }

  open(fid: number, flags: number): number {
    this.call(TYPE.open, (w) => w.u32(fid).u32(flags));
    return fid;
  }

  read(fid: number, offset: number, count: number): Buffer {
    const answer = this.call(TYPE.read, (w) => w.u32(fid).u64(BigInt(offset)).u32(count));
    return Buffer.from(answer.data(answer.u32()));
  }

  write(fid: number, offset: number, data: string): number {
    return this.call(TYPE.write, (w) => w.u32(fid).u64(BigInt(offset)).u32(data.length).data(Buffer.from(data))).u32();
  }

  entries(fid: number, count = 8192): ClientEntry[] {
    const found: ClientEntry[] = [];
    for (let offset = 0n; ;) {
      const answer = this.call(TYPE.readdir, (w) => w.u32(fid).u64(offset).u32(count));
      const end = answer.u32();
      if (end === 0) return found;
      for (let done = 0; done < end;) {
        answer.data(13);
        offset = answer.u64();
        const type = answer.u8();
        const name = answer.text();
        found.push({ name, offset, type });
        done += 13 + 8 + 1 + 2 + Buffer.byteLength(name);
      }
    }
  }

  attributes(fid: number): { mode: number; links: bigint; bytes: bigint; modified: bigint } {
    const answer = this.call(TYPE.getattr, (w) => w.u32(fid).u64(0x7ffn));
    answer.data(8 + 13);
    const mode = answer.u32();
    answer.data(8);
    const links = answer.u64();
    answer.data(8);
    const bytes = answer.u64();
    answer.data(16 + 16);
    return { mode, links, bytes, modified: answer.u64() };
  }
}
