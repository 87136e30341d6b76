/**
 * Answers the panels' custom requests from the machine's inspection interface.
 */
import { base64ToBytes, bytesToBase64, toWire } from './codec';
import type { CpuPanelHandlers } from './cpuPanels';
import type { LinuxQueries } from './linux/queries';
import type { WatchHandlers } from './memoryWatches';
import { PictureSender } from './pictures';
import { diskEntries, diskReport, LARGEST_PIECE } from './disks';
import type { PanelCommand, PanelRequests } from './panelProtocol';
import { userError } from './ports';
import type { RequestArguments } from './requestArguments';
import type { Target } from './target';
import type { PanelCall, TimeHandlers } from './timeManager';
import { translationHandlers, type NameOf } from './translations';

/** Largest level of an x86 paging structure (5-level paging). */
const DEEPEST_LEVEL = 5;
/** Set-1 make codes, with 0xE0 in the high byte for grey keys. */
const LARGEST_KEY_CODE = 0xffff;
/** Counts, and all five buttons. */
const LARGEST_MOTION = 0x7fff;
const MOUSE_BUTTONS = 31;
const LARGEST_WORD = 0xffff_ffff;
/** Guest-physical addresses have 40 bits. */
const LARGEST_PAGE = 2 ** 28 - 1;
const PAGE_BYTES = 4096;

type Answer<Command extends PanelCommand> = PanelRequests[Command]['answer'];
type Handlers = { readonly [Command in PanelCommand]: (args: RequestArguments, call: PanelCall) => Promise<Answer<Command>> };

/** What panels may change outside the machine. */
export interface PanelSettings {
  setHexadecimal(hexadecimal: boolean): void;
  /** What others show of the machine may be out of date, though it has not run. */
  changed(): void;
}

/** A handler for each panel command. `linearOf` gives the address that a person typed; `processor` answers what concerns the CPU, `others` the time line and memory that is watched. */
export function panelHandlers(
  target: Target, settings: PanelSettings, linearOf: (text: string) => Promise<bigint>, processor: CpuPanelHandlers,
  linux: Pick<LinuxQueries, 'processList'>, nameOf: NameOf, others: TimeHandlers & WatchHandlers,
): Handlers {
  const { inspect, control } = target;
  const pictures = new PictureSender();
  return {
    ...processor,
    ...translationHandlers(target, nameOf),
    ...others,
    'shadowbox.summary': async () => toWire(await inspect.summary()),
    'shadowbox.addressSpaces': async () => ({ spaces: toWire(await inspect.addressSpaces()) }),
    'shadowbox.table': async (args) => {
      const linear = args.optionalString('linear');
      const level = args.optionalInteger('level', 1, DEEPEST_LEVEL);
      const key = args.optionalString('space');
      const table = await inspect.table({
        cr3: args.integer('cr3', 0),
        ...(key === undefined ? {} : { key }),
        ...(linear === undefined ? {} : { linear: await linearOf(linear) }),
        ...(level === undefined ? {} : { level }),
      });
      return table ? { table: toWire(table) } : {};
    },
    'shadowbox.walk': async (args) =>
      toWire(await inspect.walk(args.optionalInteger('cr3', 0), await linearOf(args.string('linear')), args.optionalString('space'))),
    'shadowbox.frames': async () => toWire(await inspect.frames()),
    'shadowbox.frame': async (args) => {
      const page = args.integer('page', 0, LARGEST_PAGE);
      const data = await inspect.readMemory({ kind: 'physical' }, BigInt(page) << 12n, PAGE_BYTES);
      return { frame: toWire(await inspect.frame(page)), data: bytesToBase64(data) };
    },
    'shadowbox.counters': async () => toWire(await inspect.counters()),
    'shadowbox.execution': async () => toWire(await inspect.execution()),
    'shadowbox.devices': async () => ({ devices: toWire(await inspect.devices()) }),
    'shadowbox.disks': async () => ({ disks: toWire(await inspect.disks()) }),
    'shadowbox.diskReport': async (args) => toWire(await diskReport(inspect, args.string('disk'))),
    'shadowbox.diskEntries': async (args) => ({ entries: toWire(await diskEntries(inspect, args.string('disk'), args.string('path'))) }),
    'shadowbox.readDisk': async (args) => ({
      data: bytesToBase64(await inspect.readDisk(args.string('disk'), args.integer('offset', 0), args.integer('bytes', 0, LARGEST_PIECE))),
    }),
    'shadowbox.changeDisc': async (args) => {
      const [image, writable] = [args.optionalString('image'), args.optionalBoolean('writable') === true];
      if (image === '') throw userError("shadowbox.changeDisc: 'image' is the path of an image; leave it out to take out what is in the drive.");
      await control.input({ kind: 'media', drive: args.string('drive'), image: image ?? null, ...(writable ? { writable } : {}) });
      settings.changed();
      return {};
    },
    'shadowbox.balloon': async (args) => {
      await control.input({ kind: 'balloon', memory: args.integer('memory', 0) });
      settings.changed();
      return {};
    },
    'shadowbox.screen': async () => toWire(await inspect.screen()),
    'shadowbox.picture': async (args) => {
      const since = args.optionalInteger('since', 0);
      return pictures.answer(await inspect.picture(since), since);
    },
    'shadowbox.interrupts': () => inspect.interrupts(),
    'shadowbox.events': () => inspect.events(),
    'shadowbox.mouse': async (args) => {
      const wheel = args.optionalInteger('wheel', -LARGEST_MOTION, LARGEST_MOTION);
      await control.input({
        kind: 'mouse', dx: args.integer('dx', -LARGEST_MOTION, LARGEST_MOTION), dy: args.integer('dy', -LARGEST_MOTION, LARGEST_MOTION),
        buttons: args.integer('buttons', 0, MOUSE_BUTTONS), ...(wheel === undefined ? {} : { wheel }),
      });
      return {};
    },
    'shadowbox.serialInput': async (args) => {
      const bytes = base64ToBytes(args.string('data'));
      if (!bytes) throw userError("shadowbox.serialInput: 'data' is not valid base64.");
      await control.input({ kind: 'serial', port: args.string('port'), bytes });
      return {};
    },
    'shadowbox.key': async (args) => {
      await control.input({ kind: 'key', code: args.integer('code', 0, LARGEST_KEY_CODE), down: args.boolean('down') });
      return {};
    },
    'shadowbox.processes': () => linux.processList(),
    'shadowbox.button': async (args) => {
      const button = args.string('button');
      if (button !== 'power' && button !== 'reset') throw userError(`shadowbox.button: there is no button '${button}'; there are 'power' and 'reset'.`);
      await control.input({ kind: `${button}-button` });
      return {};
    },
    'shadowbox.writeRegister': async (args) => {
      const [space, bytes] = [args.string('space'), args.integer('bytes', 1, 4)];
      if (space !== 'port' && space !== 'memory' && space !== 'configuration') {
        throw userError(`shadowbox.writeRegister: there is no space '${space}'; there are 'port', 'memory' and 'configuration'.`);
      }
      if (bytes !== 1 && bytes !== 2 && bytes !== 4) throw userError("shadowbox.writeRegister: 'bytes' is 1, 2 or 4.");
      await control.input({
        kind: 'register', space, address: args.integer('address', 0, LARGEST_WORD), size: bytes, value: args.integer('value', 0, LARGEST_WORD),
      });
      return {};
    },
    'shadowbox.format': async (args) => {
      settings.setHexadecimal(args.boolean('hex'));
      return {};
    },
  };
}
