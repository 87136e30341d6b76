/**
 * The few fields of a launch configuration that the adapter itself acts on. They are validated with all others by
 * the machine factory; here they are only read.
 */

/** A symbol file, and where what it describes is loaded. */
export interface SymbolFileOption {
  readonly path: string;
  /** Run-time address minus file address. */
  readonly bias: bigint;
}

export interface LaunchOptions {
  /** What the person calls the machine. */
  readonly name: string;
  readonly stopOnEntry: boolean;
  /** Symbol files that the user names. */
  readonly symbols: readonly SymbolFileOption[];
  /** Directories in which symbol files of kernels and programs are looked for. */
  readonly symbolPaths: readonly string[];
  /** Paths of images that bring symbols when they happen to be ELF files. */
  readonly images: readonly string[];
  /** Prefixes of source paths in the debug information, and what to put in their place. */
  readonly sourceMap: readonly (readonly [from: string, to: string])[];
  /** Whether there is a way back. */
  readonly timeTravel: boolean;
  /** Whether the serial port is to be shown in a terminal. */
  readonly serialTerminal: boolean;
}

/** Reads the options; fields of a wrong type count as absent, because the factory has refused them already. */
export function launchOptions(configuration: Readonly<Record<string, unknown>>): LaunchOptions {
  const { name, stopOnEntry, symbols, symbolPaths, serial, multiboot, kernel, sourceMap, timeTravel } = configuration;
  const named = symbolFilesIn(symbols);
  const namedPaths = named.map(({ path }) => path);
  return {
    name: typeof name === 'string' && name !== '' ? name : 'machine',
    stopOnEntry: stopOnEntry !== false,
    symbols: named,
    symbolPaths: pathsIn(symbolPaths),
    images: [...pathsIn(kernel), ...pathsIn(multiboot)].filter((path) => !namedPaths.includes(path)),
    sourceMap: prefixesIn(sourceMap),
    timeTravel: timeTravel !== false,
    serialTerminal: serial === undefined || serial === 'terminal',
  };
}

function symbolFilesIn(value: unknown): SymbolFileOption[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((entry): SymbolFileOption[] => {
    if (typeof entry !== 'object' || entry === null) return pathsIn(entry).map((path) => ({ path, bias: 0n }));
    const path = 'path' in entry ? entry.path : undefined;
    const bias = 'bias' in entry ? entry.bias : undefined;
    return pathsIn(path).map((known) => ({ path: known, bias: typeof bias === 'string' ? biasIn(bias) : 0n }));
  });
}

/** `0x1f000000`, `-4096`; the factory has refused all else. */
function biasIn(text: string): bigint {
  const found = /^([-+]?)(0x[0-9a-f]+|\d+)$/i.exec(text);
  if (!found) return 0n;
  return found[1] === '-' ? -BigInt(found[2]) : BigInt(found[2]);
}

function pathsIn(value: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((path): path is string => typeof path === 'string' && path !== '');
}

/** Longest first, so that the most exact prefix wins. */
function prefixesIn(value: unknown): [string, string][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    .sort(([a], [b]) => b.length - a.length);
}
