/**
 * Answers the panels' custom requests from the machine's inspection interface.
 */
import { base64ToBytes, toWire } from './codec';
import type { LinuxQueries } from './linux/queries';
import type { PanelCommand, PanelRequests } from './panelProtocol';
import { userError } from './ports';
import type { RequestArguments } from './requestArguments';
import type { Target } from './target';

/** Largest level of an x86 paging structure (5-level paging). */
const DEEPEST_LEVEL = 5;
/** Set-1 make codes, with 0xE0 in the high byte for grey keys. */
const LARGEST_KEY_CODE = 0xffff;
/** Counts, and all five buttons. */
const LARGEST_MOTION = 0x7fff;
const MOUSE_BUTTONS = 31;

type Answer<Command extends PanelCommand> = PanelRequests[Command]['answer'];
type Handlers = { readonly [Command in PanelCommand]: (args: RequestArguments) => Promise<Answer<Command>> };

/** What panels may change outside the machine. */
export interface PanelSettings {
  setHexadecimal(hexadecimal: boolean): void;
}

/** A handler for each panel command. `linearOf` gives the address that a person typed. */
export function panelHandlers(
  target: Target, settings: PanelSettings, linearOf: (text: string) => Promise<bigint>,
  linux: Pick<LinuxQueries, 'processList'>,
): Handlers {
  const { inspect, control } = target;
  return {
    'shadowbox.cpu': async () => toWire(await inspect.cpu()),
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
    'shadowbox.counters': async () => toWire(await inspect.counters()),
    'shadowbox.execution': async () => toWire(await inspect.execution()),
    'shadowbox.devices': async () => ({ devices: toWire(await inspect.devices()) }),
    'shadowbox.screen': async () => toWire(await inspect.screen()),
    'shadowbox.picture': async (args) => toWire(await inspect.picture(args.optionalInteger('since', 0))),
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
    'shadowbox.format': async (args) => {
      settings.setHexadecimal(args.boolean('hex'));
      return {};
    },
  };
}
