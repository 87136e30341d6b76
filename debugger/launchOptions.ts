/**
 * The few fields of a launch configuration that the adapter itself acts on. They are validated with all others by
 * the machine factory; here they are only read.
 */
export interface LaunchOptions {
  readonly stopOnEntry: boolean;
  /** Paths of symbol files (ELF) that the user names. */
  readonly symbols: readonly string[];
  /** Paths of images that bring symbols when they happen to be ELF files. */
  readonly images: readonly string[];
  /** Prefixes of source paths in the debug information, and what to put in their place. */
  readonly sourceMap: readonly (readonly [from: string, to: string])[];
  /** Whether the serial port is to be shown in a terminal. */
  readonly serialTerminal: boolean;
}

/** Reads the options; fields of a wrong type count as absent, because the factory has refused them already. */
export function launchOptions(configuration: Readonly<Record<string, unknown>>): LaunchOptions {
  const { stopOnEntry, symbols, serial, multiboot, kernel, sourceMap } = configuration;
  const named = pathsIn(symbols);
  return {
    stopOnEntry: stopOnEntry !== false,
    symbols: named,
    images: [...pathsIn(kernel), ...pathsIn(multiboot)].filter((path) => !named.includes(path)),
    sourceMap: prefixesIn(sourceMap),
    serialTerminal: serial === undefined || serial === 'terminal',
  };
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
