/**
 * The launch configuration: one definition of its fields, from which come the TypeScript type, the defaults, the
 * validation, and (in configurationSchema) package.json's `configurationAttributes` and the documentation's table.
 */
import { MAX_CPUS } from '../memory/layout';
import { TECHNIQUES } from '../memory/techniques';
import { DEFAULT_CPU_MODEL } from '../cpu/models/models';
import { cpuSelection, selectionOf } from './configurationCpuModel';
import { Refusal, choice, flag, integer, list, mapping, moment, path, pathWith, quoted, size, text, word, wordOr, wordOrPath } from './configurationKinds';
import type { Kind, PathProperty } from './configurationKinds';
import { networkSetting } from './configurationNetwork';
import { nearestWord } from './configurationSpelling';

const KIB = 1024;
const MIB = 1024 * KIB;
/** How many virtual CPUs there can be now; the format has room for 8. */
/** Tags of shared folders, as they can be typed in a guest. */
/** A distance between addresses, as of symbols that are loaded elsewhere. */
const BIAS = /^[-+]?(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19})$/;
const MOUNT_TAG = /^[A-Za-z0-9_.-]{1,31}$/;

/** One field. `default` and `commandLineDefault` are written as a person would write them. */
export interface FieldDefinition {
  readonly kind: Kind<unknown>;
  /** Sentences for the editor's hover and the documentation's table (Markdown). */
  readonly doc: string;
  readonly default?: string | number | boolean | readonly string[];
  /** The default of the `shadowbox` command, where it differs from the editor's. */
  readonly commandLineDefault?: string | boolean;
}

const NO_DISK = { empty: 'A drive without a disk.' } as const;
const WRITABLE: PathProperty<boolean> = { kind: flag(), absent: false, doc: 'Whether what the guest writes goes to the file.' };
const OVERLAY: PathProperty<string | undefined> = { kind: path(), absent: undefined, doc: 'Path of a QCOW2 image that takes what the guest writes; it is made if it is not there.' };

export const FIELDS = {
  memory: {
    kind: size({ minimum: MIB, maximum: 2048 * MIB, granule: 4 * KIB, example: '128M' }),
    default: '128M',
    doc: 'Size of the guest\'s memory, in bytes or with a unit: `"64M"`, `"1G"`.',
  },
  cpus: {
    kind: integer({ minimum: 1, maximum: MAX_CPUS }),
    default: 1,
    doc: 'Number of virtual CPUs.',
  },
  quantum: {
    kind: integer({ minimum: 100, maximum: 100_000_000 }),
    default: 20_000,
    doc: 'With several virtual CPUs: how many instructions one retires before it is the next one\'s turn. They run one after the other, so that every run is the same.',
  },
  cpuModel: {
    kind: cpuSelection(),
    default: DEFAULT_CPU_MODEL,
    doc: 'Which processor the guest has: CPUID, registers and instructions follow. Features are switched from left to right, '
      + 'as in `"x86-64-v2,-sse4.2,+pku"`: `+` brings along what the feature needs, `-` takes along what needs it.',
  },
  hpet: {
    kind: flag(),
    default: true,
    doc: 'Whether there is a high precision event timer (HPET).',
  },
  tripleFault: {
    kind: choice({ stop: 'The machine stands, to be looked at.', reset: 'The machine is reset, as the chipset of a real one does it.' }),
    default: 'stop',
    doc: 'What a triple fault leads to: the machine stands (`"stop"`), or is reset as a real one (`"reset"`), for systems that reboot or leave protected mode by it.',
  },
  firmware: {
    kind: wordOrPath({ builtin: 'Shadowbox\'s own small BIOS.', seabios: 'SeaBIOS as installed on this computer (Debian: package seabios).', ovmf: 'OVMF (UEFI) as installed on this computer (Debian: package ovmf).' }),
    default: 'builtin',
    doc: 'The firmware: Shadowbox\'s own BIOS, the SeaBIOS or the OVMF (UEFI) that is installed on this computer, or the path of a ROM image or of a build of OVMF.',
  },
  firmwareVariables: {
    kind: pathWith({ writable: WRITABLE }),
    doc: 'File with the variables of a UEFI firmware (OVMF): a variable store of the same build. What the guest changes is kept in memory, unless `writable` is true: '
      + 'then it is in the file when the machine stands, and the file is made from the build\'s own store where it is not there. Default: the store beside the firmware, which stays as it is.',
  },
  vgaBios: {
    kind: path(),
    doc: 'Path of a VGA BIOS image for a `firmware` other than `"builtin"`. Default: the one that belongs to SeaBIOS.',
  },
  kernel: {
    kind: path(),
    doc: 'Path of a kernel to boot without a boot loader: a Linux bzImage or a Multiboot image.',
  },
  initrd: { kind: path(), doc: 'Path of the initial RAM disk for a Linux `kernel`.' },
  cmdline: { kind: text(), doc: 'Command line for `kernel` or `multiboot`.' },
  multiboot: { kind: path(), doc: 'Path of a Multiboot 1 image to boot without a boot loader.' },
  modules: {
    kind: list(pathWith({ cmdline: { kind: text(), absent: '', doc: 'Text that is handed over with the module.' } }), '["module.bin"]'),
    doc: 'Modules that are loaded with a Multiboot image.',
  },
  floppy: {
    kind: wordOr(NO_DISK, pathWith({ writable: WRITABLE })),
    doc: 'The floppy drive (A): raw image of the disk in it, or `"empty"`, for a disk to be put in later. The file stays as it is (what the guest writes is kept in memory) unless `writable` is true. '
      + 'The disk says which drive it is; an empty one is of 1.44 MB. Default: there is no such drive.',
  },
  floppyB: {
    kind: wordOr(NO_DISK, pathWith({ writable: WRITABLE })),
    doc: 'A second floppy drive (B), like `floppy`. Default: there is none.',
  },
  disks: {
    kind: list(pathWith({
      writable: WRITABLE,
      overlay: OVERLAY,
      bus: {
        kind: choice({ ata: 'An ATA disk: every system has a driver.', virtio: 'A virtio block device: faster, for systems with a driver.' }),
        absent: 'ata' as const,
        doc: 'How the disk is connected.',
      },
    }), '["disk.img"]'),
    doc: 'Images of hard disks (raw, QCOW2, VHD, VHDX). The files stay as they are (what the guest writes is kept in memory) '
      + 'unless `writable` is true; with `overlay` it goes to a QCOW2 image of that name instead, which is made if it is not there. See docs/disks.md. '
      + '`bus` says how a disk is connected: `"ata"` (the default; at most four, three beside a CD-ROM drive) or `"virtio"`.',
  },
  cdrom: {
    kind: wordOrPath({ empty: 'A drive without a disc.' }),
    doc: 'The CD-ROM drive: path of the ISO image in it, or `"empty"`. Default: there is no such drive. It is the secondary channel\'s master.',
  },
  shares: {
    kind: list(pathWith({
      tag: { kind: word(MOUNT_TAG, 'tag', 'work'), absent: '', doc: 'The name that the guest mounts. Default: "share0", "share1" and so on.' },
      writable: { kind: flag(), absent: false, doc: 'Whether the guest may change what is in the folder.' },
    }), '["folder"]'),
    doc: 'Folders that the guest may see, as file systems of type 9p over virtio: `mount -t 9p -o trans=virtio TAG /mnt`. The guest changes '
      + 'nothing in them unless `writable` is true, and sees nothing outside of them.',
  },
  console: {
    kind: wordOrPath({ terminal: 'A terminal in the editor.', stdio: 'Standard input and output of the program.', none: 'There is none.' }),
    default: 'none',
    doc: 'A virtio console (`hvc0`) and where it leads: a terminal in the editor, standard input and output, or the path of a file that takes its output. Default: there is none.',
  },
  rng: {
    kind: flag(),
    doc: 'Whether there is a virtio entropy device. Its numbers are the same in every run, so they are no secret. Default: no.',
  },
  balloon: {
    kind: flag(),
    doc: 'Whether there is a virtio memory balloon, by which a guest with a driver for it gives memory back, and is asked to (`balloon` in the debug console). '
      + 'See docs/virtio.md. Default: no.',
  },
  bootOrder: {
    kind: list(choice({ floppy: 'The floppy.', disk: 'The hard disks.', cdrom: 'The CD-ROM.', network: 'The network card, by its expansion ROM; not with the built-in firmware.' }), '["floppy", "disk"]'),
    doc: 'What the firmware tries to boot from, in this order. Default: what is there of floppy, disks, CD-ROM, network.',
  },
  network: {
    kind: networkSetting(),
    default: 'none',
    doc: 'The network: none, or a card with a network of its own behind it (10.0.2.0/24), from which the guest reaches what this computer reaches, '
      + 'and nothing reaches the guest but by `forwards`. As an object: `card`, `mac`, `rom`, `forwards`, `capture`, `restrict`, `tftp`, `bootFile`, `hostname`, `domain`. See docs/network.md.',
  },
  serial: {
    kind: wordOrPath({ terminal: 'A terminal in the editor.', stdio: 'Standard input and output of the program.', none: 'Nowhere.' }),
    default: 'terminal',
    commandLineDefault: 'stdio',
    doc: 'Where the first serial port (COM1) leads: a terminal in the editor, standard input and output, nowhere, or the path of a file that takes its output.',
  },
  symbols: {
    kind: list(pathWith({
      bias: { kind: word(BIAS, 'distance', '0x1f000000'), absent: undefined, doc: 'Address in memory minus address in the file, of what is loaded elsewhere than it was linked for. Default: 0.' },
    }), '["kernel.elf"]'),
    doc: 'Files with symbols of the guest\'s programs: ELF, PE/COFF (EFI applications), or a list of names as `System.map`. '
      + 'That of `kernel` or `multiboot` is read anyway if it is ELF. `bias` says how far from its own addresses one is loaded. See docs/debugger.md.',
  },
  symbolPaths: {
    kind: list(path(), '["${workspaceFolder}/symbols"]'),
    doc: 'Directories in which symbol files are looked for: separate debugging information, and of a Linux guest the files of its kernel and of the programs that it runs. '
      + 'Each may be laid out as `/usr/lib/debug` (with `.build-id`), be a copy of the guest\'s file system, or have the files by their names. See docs/debugger.md.',
  },
  sourceMap: {
    kind: mapping('{ "/build": "${workspaceFolder}" }'),
    doc: 'Where sources are now: prefixes of paths in the debug information, each with what to put in its place.',
  },
  stopOnEntry: {
    kind: flag(),
    default: true,
    commandLineDefault: false,
    doc: 'Stop on the first instruction.',
  },
  engine: {
    kind: choice({
      auto: 'The fastest that there is.',
      interpreter: 'Interpret each instruction.',
      translator: 'Translate hot code to WebAssembly.',
      'translate-all': 'Translate each block as soon as it is met (a test of the translator).',
      'translate-again': 'Translate early, and throw everything away again and again (a test of the translator).',
    }),
    default: 'auto',
    doc: 'How guest code is run. All engines give the same results.',
  },
  pace: {
    kind: choice({
      realtime: 'While the guest idles, its time keeps to the clock on the wall.',
      fast: 'While the guest idles, its time jumps to whatever is due next.',
    }),
    default: 'realtime',
    commandLineDefault: 'fast',
    doc: 'Whether idle guest time takes real time. The guest cannot tell the difference. With a `network` it always does: whoever answers out there needs real time.',
  },
  rtc: {
    kind: moment('1980-01-01', '2079-12-31T23:59:59Z'),
    default: '2024-01-01T00:00:00Z',
    doc: 'What the real-time clock shows at power-on, as ISO 8601 date. Fixed, so that runs can be repeated exactly.',
  },
  maxInstructions: {
    kind: integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    doc: 'Stop when this many instructions have been retired since power-on.',
  },
  pageSharing: {
    kind: flag(),
    doc: 'While the guest idles, find pages of its memory with equal contents and keep them once, copy on write. The guest cannot tell the difference. Default: no.',
  },
  timeTravel: {
    kind: flag(),
    default: true,
    commandLineDefault: false,
    doc: 'Whether snapshots are taken while the machine runs, so that it can be stepped and run backwards: see docs/time-travel.md. The guest cannot tell the difference.',
  },
  timeTravelMemory: {
    kind: size({ minimum: 16 * MIB, maximum: 16384 * MIB, granule: MIB, example: '512M' }),
    default: '512M',
    doc: 'How much memory the snapshots of `timeTravel` may take. With less, they lie further apart.',
  },
  gdbPort: {
    kind: integer({ minimum: 0, maximum: 65_535 }),
    doc: 'A port on 127.0.0.1 at which GDB may connect (`target remote :1234`); 0: any that is free. Whoever can connect has the whole machine. See docs/gdb.md.',
  },
  gdbArchitecture: {
    kind: choice({
      auto: '64-bit registers if the guest is in long mode when GDB connects, or is a 64-bit kernel; else 32-bit ones.',
      i386: '32-bit registers.',
      amd64: '64-bit registers.',
    }),
    default: 'auto',
    doc: 'How the CPU is described to a GDB at `gdbPort`, which takes no other description while it is connected.',
  },
  ablation: {
    kind: list(choice(TECHNIQUES), '["shadow-large"]'),
    doc: 'Techniques of memory virtualization to do without, to see what each of them brings: see docs/memory-virtualization.md. The guest cannot tell the difference.',
  },
  recording: {
    kind: path(),
    doc: 'Path of a recording that was saved with *Shadowbox: Save Recording…* or `--record`: its machine is started, and taken to where it stood. '
      + 'Beside it only fields count that say where its images are here, and how it is debugged. See docs/time-travel.md.',
  },
} as const satisfies Readonly<Record<string, FieldDefinition>>;

/** ATA drives that the machine has places for. */
const DISK_PLACES = 4;

type Fields = typeof FIELDS;
export type FieldName = keyof Fields;
type ValueOf<Name extends FieldName> = Fields[Name]['kind'] extends Kind<infer Value> ? Value : never;
type NamesWithDefault = { [Name in FieldName]: Fields[Name] extends { readonly default: unknown } ? Name : never }[FieldName];

/** A checked configuration: sizes in bytes, dates in seconds since 1970, paths as `resolvePath` gave them, defaults filled in. */
export type MachineConfiguration =
  & { readonly [Name in NamesWithDefault]: ValueOf<Name> }
  & { readonly [Name in Exclude<FieldName, NamesWithDefault>]?: ValueOf<Name> };

export const FIELD_NAMES: readonly string[] = Object.keys(FIELDS);

export function isFieldName(name: string): name is FieldName {
  return Object.hasOwn(FIELDS, name);
}

/** Something that is wrong with a configuration. `message` and `remedy` are sentence parts, as `problemText` joins them. */
export interface Problem {
  readonly field: string;
  readonly message: string;
  readonly remedy: string;
}

/** Something that a person should know about a configuration that works. */
export interface Notice {
  readonly field: string;
  readonly message: string;
}

export type Validation =
  | { readonly configuration: MachineConfiguration; readonly notices: readonly Notice[] }
  | { readonly problems: readonly Problem[] };

/** 'memory: '12Q' is not a size; write e.g. "128M"' */
export function problemText(problem: Problem): string {
  return `${problem.field}: ${problem.message}; ${problem.remedy}`;
}

export interface ValidationOptions {
  /** Whose defaults apply. */
  readonly front: 'editor' | 'commandLine';
  /** Makes a path that was written in `field` absolute. Default: leaves it as it is. */
  readonly resolvePath?: (path: string, field: FieldName) => string;
}

/** Properties of a launch.json entry that are VS Code's own, and JSON's customary one; everything with two underscores is, too. */
const EDITOR_PROPERTIES: readonly string[] = [
  '$schema', 'name', 'type', 'request', 'preLaunchTask', 'postDebugTask', 'presentation', 'internalConsoleOptions', 'debugServer', 'serverReadyAction',
  'suppressMultipleSessionWarning', 'noDebug', 'windows', 'linux', 'osx',
];

function isEditorProperty(name: string): boolean {
  return EDITOR_PROPERTIES.includes(name) || name.startsWith('__');
}

function unknownFields(values: Readonly<Record<string, unknown>>): Problem[] {
  return Object.keys(values).filter((name) => !isFieldName(name) && !isEditorProperty(name)).map((name) => {
    const nearest = nearestWord(name, FIELD_NAMES);
    return {
      field: name,
      message: 'there is no such field',
      remedy: nearest === undefined ? `take it out (fields: ${FIELD_NAMES.join(', ')})` : `did you mean "${nearest}"?`,
    };
  });
}

function defaultOf(definition: FieldDefinition, front: ValidationOptions['front']): FieldDefinition['default'] {
  return front === 'commandLine' ? definition.commandLineDefault ?? definition.default : definition.default;
}

/** Reads every field by its kind. Gives the values that could be read, and a problem for each that could not. */
function readFields(values: Readonly<Record<string, unknown>>, options: ValidationOptions): { read: Record<string, unknown>; problems: Problem[] } {
  const read: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const name of FIELD_NAMES.filter(isFieldName)) {
    const definition: FieldDefinition = FIELDS[name];
    // null and undefined count as left out: a merged or generated configuration may hold either.
    const written = values[name] ?? defaultOf(definition, options.front);
    if (written === undefined) continue;
    try {
      read[name] = definition.kind.read(written, { resolvePath: (file) => options.resolvePath?.(file, name) ?? file });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problems.push({ field: name, message: error.message, remedy: error.remedy });
    }
  }
  return { read, problems };
}

function problem(field: FieldName, message: string, remedy: string): Problem {
  return { field, message, remedy };
}

/** Fields that mean nothing without, or next to, another one. */
function combinationProblems(configuration: MachineConfiguration): Problem[] {
  const { kernel, multiboot, initrd, cmdline, modules, firmware, vgaBios, disks } = configuration;
  const found: Problem[] = [];
  if (kernel !== undefined && multiboot !== undefined) found.push(problem('multiboot', 'it cannot be booted together with "kernel"', 'take one of the two out'));
  if (initrd !== undefined && multiboot !== undefined) found.push(problem('initrd', 'a Multiboot image has no initial RAM disk', 'write "modules" instead'));
  else if (initrd !== undefined && kernel === undefined) found.push(problem('initrd', 'it needs a kernel', 'add "kernel", or take "initrd" out'));
  if (modules !== undefined && kernel === undefined && multiboot === undefined) found.push(problem('modules', 'they need a Multiboot image', 'add "multiboot", or take "modules" out'));
  if (cmdline !== undefined && kernel === undefined && multiboot === undefined) found.push(problem('cmdline', 'it needs a kernel', 'add "kernel" or "multiboot", or take "cmdline" out'));
  (disks ?? []).forEach(({ writable, overlay }, index) => {
    if (writable && overlay !== undefined) found.push(problem('disks', `entry ${index + 1}: with an "overlay" nothing is written to the image itself`, 'take "writable" or "overlay" out'));
  });
  if (configuration.firmwareVariables !== undefined && (firmware === 'builtin' || firmware === 'seabios')) {
    found.push(problem('firmwareVariables', 'only UEFI firmware has variables', 'take it out, or set "firmware" to "ovmf"'));
  }
  if (vgaBios !== undefined && firmware === 'builtin') found.push(problem('vgaBios', 'the built-in firmware has its own', 'take it out, or set "firmware" to "seabios"'));
  return found;
}

/** A PC has its drives in order. Beside a recording one says where its image is. */
function floppyProblems({ floppy, floppyB, recording }: MachineConfiguration): Problem[] {
  if (floppyB === undefined || floppy !== undefined || recording !== undefined) return [];
  return [problem('floppyB', 'there is no drive A, and B is the second', 'add "floppy": "empty", or write "floppy" instead')];
}

function bootOrderProblems({ bootOrder = [], floppy, disks, cdrom, network, firmware }: MachineConfiguration): Problem[] {
  const there = { floppy: floppy !== undefined, disk: (disks ?? []).length > 0, cdrom: cdrom !== undefined, network: network !== 'none' };
  const fields = { floppy: 'floppy', disk: 'disks', cdrom: 'cdrom', network: 'network' } as const;
  const found = bootOrder.filter((drive) => !there[drive])
    .map((drive) => problem('bootOrder', `there is no ${quoted(drive)} to boot from`, `add "${fields[drive]}", or take it out of "bootOrder"`));
  if (bootOrder.includes('network') && firmware === 'builtin') {
    found.push(problem('bootOrder', 'the built-in firmware does not boot from the network', 'take "network" out of it, or set "firmware" to "seabios" or "ovmf"'));
  }
  return found;
}

/** Both channels have two places each. */
function placeProblems({ disks, cdrom }: MachineConfiguration): Problem[] {
  const places = cdrom === undefined ? DISK_PLACES : DISK_PLACES - 1;
  if ((disks ?? []).filter(({ bus }) => bus === 'ata').length <= places) return [];
  const beside = cdrom === undefined ? '' : ' beside the CD-ROM drive';
  return [problem('disks', `there is room for ${places} ATA disks${beside}`, 'take some out, or set their "bus" to "virtio"')];
}

/** Folders that were given no tag get one by their place in the list. */
function withShareTags(configuration: MachineConfiguration): MachineConfiguration {
  const { shares } = configuration;
  if (shares === undefined) return configuration;
  return { ...configuration, shares: shares.map((share, index) => (share.tag === '' ? { ...share, tag: `share${index}` } : share)) };
}

/** Two folders of one name could not be told apart by the guest. */
function shareProblems({ shares = [] }: MachineConfiguration): Problem[] {
  const twice = shares.find(({ tag }, index) => shares.findIndex((other) => other.tag === tag) !== index);
  return twice === undefined ? [] : [problem('shares', `there are two with the tag ${quoted(twice.tag)}`, 'give each a "tag" of its own')];
}

/** What starts in protected mode, or goes there, needs a processor that has it. */
function realModeProblems({ cpuModel, kernel, multiboot, firmware }: MachineConfiguration): Problem[] {
  const { features } = selectionOf(cpuModel).processor;
  if (firmware === 'ovmf' && !features.has('lm')) {
    return [problem('firmware', 'OVMF needs 64-bit mode', `choose another "cpuModel" than ${quoted(cpuModel)}, which does not have it`)];
  }
  if (features.has('i386')) return [];
  const remedy = `choose another "cpuModel" than ${quoted(cpuModel)}, which has real mode only`;
  const found: Problem[] = [];
  if (kernel !== undefined) found.push(problem('kernel', 'it starts in protected mode', remedy));
  if (multiboot !== undefined) found.push(problem('multiboot', 'it starts in protected mode', remedy));
  if (firmware === 'seabios') found.push(problem('firmware', 'SeaBIOS needs protected mode', remedy));
  return found;
}

/** The built-in firmware has nothing else to show than what it boots; another one may (its own setup, a ROM under test). */
function bootProblems(configuration: MachineConfiguration): Problem[] {
  const { firmware, kernel, multiboot, floppy, disks, cdrom, recording } = configuration;
  if (recording !== undefined) return [];
  const inDrive = <Medium>(drive: Medium | 'empty'): Medium | undefined => (drive === 'empty' ? undefined : drive);
  const bootable = [kernel, multiboot, inDrive(floppy), disks?.[0], inDrive(cdrom)].some((image) => image !== undefined);
  if (bootable || firmware !== 'builtin') return [];
  return [problem('kernel', 'there is nothing to boot', 'add one of "kernel", "multiboot", "floppy", "disks", "cdrom"')];
}

function noticesOf(configuration: MachineConfiguration): Notice[] {
  const found: Notice[] = [];
  const { missing } = selectionOf(configuration.cpuModel);
  // Who has not chosen a model has not asked for the features either.
  if (missing.length > 0 && configuration.cpuModel !== DEFAULT_CPU_MODEL) found.push({ field: 'cpuModel', message: `not emulated yet, so the processor goes without: ${missing.join(', ')}` });
  return found;
}

/**
 * Checks a configuration as written (a launch.json entry, a JSON file, command-line options).
 * @returns the configuration with its defaults filled in and what is worth knowing about it, or all problems found
 */
export function validateConfiguration(values: unknown, options: ValidationOptions): Validation {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    return { problems: [{ field: 'configuration', message: 'it is not a JSON object', remedy: 'write { "kernel": "…" } or the like' }] };
  }
  const record: Readonly<Record<string, unknown>> = { ...values };
  const { read, problems } = readFields(record, options);
  const all = [...unknownFields(record), ...problems];
  if (all.length > 0) return { problems: all };
  const configuration = withShareTags(read as MachineConfiguration);
  const conflicts = [
    ...combinationProblems(configuration), ...floppyProblems(configuration), ...bootOrderProblems(configuration), ...placeProblems(configuration), ...shareProblems(configuration),
    ...realModeProblems(configuration), ...bootProblems(configuration),
  ];
  return conflicts.length > 0 ? { problems: conflicts } : { configuration, notices: noticesOf(configuration) };
}
