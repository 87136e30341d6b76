/** The launch configuration: defaults, what is refused and in which words, and package.json's copy of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { FIELDS, FIELD_NAMES, problemText, validateConfiguration } from '../../../src/monitor/machine/configuration';
import type { MachineConfiguration, ValidationOptions } from '../../../src/monitor/machine/configuration';
import { configurationAttributes, configurationTable } from '../../../src/monitor/machine/configurationSchema';
import { internalised, type JsonObject, type Texts } from '../../../scripts/lib/manifestTexts';
import { nearestWord } from '../../../src/monitor/machine/configurationSpelling';

const editor: ValidationOptions = { front: 'editor' };

function accepted(values: object, options = editor): MachineConfiguration {
  const validation = validateConfiguration(values, options);
  assert.ok('configuration' in validation, JSON.stringify(validation));
  return validation.configuration;
}

function refused(values: unknown, options = editor): string[] {
  const validation = validateConfiguration(values, options);
  assert.ok('problems' in validation, 'it was accepted');
  return validation.problems.map(problemText);
}

function notices(values: object): string[] {
  const validation = validateConfiguration(values, editor);
  assert.ok('configuration' in validation, JSON.stringify(validation));
  return validation.notices.map(({ field, message }) => `${field}: ${message}`);
}

const boots = { floppy: 'boot.img' };
const models = '"8086", "486", "pentium", "pentium-pro", "pentium3", "x86-64-v2", "x86-64-v3"';

describe('a launch configuration', () => {
  it('has its defaults filled in', () => {
    assert.deepEqual(accepted(boots), {
      memory: 128 * 1024 * 1024, cpus: 1, quantum: 20_000, cpuModel: 'x86-64-v2', hpet: true, tripleFault: 'stop', firmware: 'builtin', gdbArchitecture: 'auto', floppy: { path: 'boot.img', writable: false },
      network: 'none', console: 'none', serial: 'terminal', stopOnEntry: true, timeTravel: true, timeTravelMemory: 2 ** 29, engine: 'auto', pace: 'realtime', rtc: Date.UTC(2024, 0, 1) / 1000,
    });
  });

  it('has the command line\'s defaults where they differ', () => {
    const { serial, stopOnEntry, pace } = accepted(boots, { front: 'commandLine' });
    assert.deepEqual({ serial, stopOnEntry, pace }, { serial: 'stdio', stopOnEntry: false, pace: 'fast' });
  });

  it('has defaults that its own kinds accept', () => {
    for (const name of FIELD_NAMES) {
      const [, definition] = Object.entries(FIELDS).find(([key]) => key === name) ?? assert.fail(name);
      for (const key of ['default', 'commandLineDefault'] as const) {
        const value = key in definition ? Object.entries(definition).find(([found]) => found === key)?.[1] : undefined;
        if (value !== undefined) definition.kind.read(value, { resolvePath: (path) => path });
      }
    }
  });

  for (const cpuModel of ['8086', '486', 'pentium', 'pentium3', 'x86-64-v2', 'x86-64-v3', 'pentium3,-pat,+popcnt', '486, +tsc']) {
    it(`takes the CPU ${cpuModel}`, () => assert.equal(accepted({ ...boots, cpuModel }).cpuModel, cpuModel));
  }

  const sizes: readonly (readonly [unknown, number])[] = [
    ['1M', 2 ** 20], ['128M', 2 ** 27], ['128m', 2 ** 27], ['64 MiB', 2 ** 26], ['64MB', 2 ** 26], ['2G', 2 ** 31], ['1.5G', 3 * 2 ** 29],
    ['2048K', 2 ** 21], ['1048576', 2 ** 20], [1048576, 2 ** 20],
  ];
  for (const [written, bytes] of sizes) {
    it(`takes ${JSON.stringify(written)} of memory`, () => assert.equal(accepted({ ...boots, memory: written }).memory, bytes));
  }

  const refusals: readonly (readonly [string, object, string])[] = [
    ['a size that is none', { memory: '12Q' }, 'memory: \'12Q\' is not a size; write e.g. "128M"'],
    ['a size of another type', { memory: true }, 'memory: true is not a size; write e.g. "128M"'],
    ['too little memory', { memory: '512K' }, 'memory: \'512K\' is too little; write 1M to 2G, e.g. "128M"'],
    ['too much memory', { memory: '4G' }, 'memory: \'4G\' is too much; write 1M to 2G, e.g. "128M"'],
    ['half a page of memory', { memory: 2 ** 20 + 2048 }, 'memory: 1050624 is not a multiple of 4K; write e.g. "128M"'],
    ['nine CPUs', { cpus: 9 }, 'cpus: 9 is not possible; write a whole number from 1 to 8'],
    ['a CPU that is not known', { cpuModel: 'pentum3' }, `cpuModel: 'pentum3' is not known; did you mean "pentium3"? (${models})`],
    ['a CPU that is not a text', { cpuModel: 486 }, `cpuModel: 486 is not the name of a CPU model; write one of ${models}`],
    ['a CPU feature that is not known', { cpuModel: 'pentium3,-sse,+popcmt' }, 'cpuModel: there is no feature \'popcmt\'; did you mean "+popcnt"?'],
    ['a CPU feature without a sign', { cpuModel: 'pentium3,popcnt' }, 'cpuModel: \'popcnt\' has no sign; write "+popcnt" to add the feature, or "-popcnt" to take it out'],
    ['a CPU feature from the future', { cpuModel: '8086,+popcnt' }, 'cpuModel: the model is too old for \'+popcnt\'; take it out, or choose a later model'],
    ['a CPU feature that is not emulated', { cpuModel: 'pentium3,+vmx' }, 'cpuModel: \'+vmx\' is not emulated yet, or needs something that is not; take it out'],
    ['a Linux kernel on an 8086', { kernel: 'a', cpuModel: '8086' }, 'kernel: it starts in protected mode; choose another "cpuModel" than \'8086\', which has real mode only'],
    ['SeaBIOS on an 8086', { firmware: 'seabios', cpuModel: '8086' }, 'firmware: SeaBIOS needs protected mode; choose another "cpuModel" than \'8086\', which has real mode only'],
    ['OVMF on 32 bits', { firmware: 'ovmf', cpuModel: 'pentium3' }, 'firmware: OVMF needs 64-bit mode; choose another "cpuModel" than \'pentium3\', which does not have it'],
    ['an engine that is not known', { engine: 'jit' }, 'engine: \'jit\' is not known; write one of "auto", "interpreter", "translator", "translate-all", "translate-again"'],
    ['a misspelt engine', { engine: 'translater' }, 'engine: \'translater\' is not known; did you mean "translator"? ("auto", "interpreter", "translator", "translate-all", "translate-again")'],
    ['a word for a flag', { stopOnEntry: 'true' }, 'stopOnEntry: \'true\' is neither true nor false; write true or false, without quotes'],
    ['a path for a list', { disks: 'disk.img' }, 'disks: \'disk.img\' is not a list; write it in brackets, e.g. ["disk.img"]'],
    ['a number in a list of paths', { disks: ['a.img', 5] }, 'disks: entry 2: 5 is not a path; write the path of a file in quotes'],
    ['a stranger in a disk', { disks: [{ path: 'a', writeable: true }] }, 'disks: entry 1: \'writeable\' is not known in it; did you mean "writable"? ("path", "writable", "overlay", "bus")'],
    ['a disk without a path', { disks: [{ writable: true }] }, 'disks: entry 1: it has no "path"; write { "path": "…", "writable": …, "overlay": …, "bus": … }'],
    ['a bus that there is not', { disks: [{ path: 'a', bus: 'scsi' }] }, 'disks: entry 1: \'scsi\' is not known; write one of "ata", "virtio"'],
    ['a tag that cannot be typed', { shares: [{ path: 'a', tag: 'a b' }] }, 'shares: entry 1: \'a b\' is no tag; write e.g. "work"'],
    ['an empty path', { serial: ' ' }, 'serial: the path is empty; write the path of a file, or leave the field out'],
    ['a date that is none', { rtc: '2023-02-29' }, 'rtc: \'2023-02-29\' is not a date; write e.g. "2024-02-29" or "2024-02-29T12:00:00Z"'],
    ['a date in words', { rtc: 'now' }, 'rtc: \'now\' is not a date; write e.g. "2024-02-29" or "2024-02-29T12:00:00Z"'],
    ['a date before the clock\'s time', { rtc: '1979-12-31' }, 'rtc: \'1979-12-31\' is beyond what the clock can show; write a date from 1980-01-01 to 2079-12-31T23:59:59Z'],
    ['no instructions', { maxInstructions: 0 }, 'maxInstructions: 0 is not possible; write a whole number from 1 to 9007199254740991'],
    ['a list for a map', { sourceMap: ['/a'] }, 'sourceMap: ["/a"] is not an object; write e.g. { "/build": "${workspaceFolder}" }'],
    ['an unknown field', { memroy: '1M' }, 'memroy: there is no such field; did you mean "memory"?'],
    ['kernel and multiboot', { kernel: 'a', multiboot: 'b' }, 'multiboot: it cannot be booted together with "kernel"; take one of the two out'],
    ['initrd for Multiboot', { multiboot: 'a', initrd: 'b' }, 'initrd: a Multiboot image has no initial RAM disk; write "modules" instead'],
    ['initrd alone', { initrd: 'b' }, 'initrd: it needs a kernel; add "kernel", or take "initrd" out'],
    ['modules alone', { modules: ['b'] }, 'modules: they need a Multiboot image; add "multiboot", or take "modules" out'],
    ['a command line alone', { cmdline: 'quiet' }, 'cmdline: it needs a kernel; add "kernel" or "multiboot", or take "cmdline" out'],
    ['variables for a firmware that has none', { firmware: 'seabios', firmwareVariables: 'v.fd' }, 'firmwareVariables: only UEFI firmware has variables; take it out, or set "firmware" to "ovmf"'],
    ['a VGA BIOS for the built-in firmware', { vgaBios: 'v.bin' }, 'vgaBios: the built-in firmware has its own; take it out, or set "firmware" to "seabios"'],
    ['a boot order without its drive', { bootOrder: ['disk'] }, 'bootOrder: there is no \'disk\' to boot from; add "disks", or take it out of "bootOrder"'],
    ['the network in a boot order without a card', { firmware: 'seabios', bootOrder: ['network'] }, 'bootOrder: there is no \'network\' to boot from; add "network", or take it out of "bootOrder"'],
    ['the network in the built-in firmware\'s boot order', { network: 'user', bootOrder: ['network'] },
      'bootOrder: the built-in firmware does not boot from the network; take "network" out of it, or set "firmware" to "seabios" or "ovmf"'],
  ];
  for (const [name, values, text] of refusals) {
    it(`refuses ${name}`, () => assert.deepEqual(refused({ ...boots, ...values }), [text]));
  }

  it('says all that is wrong at once', () => {
    assert.deepEqual(refused({ memory: 1, cpus: 0, xyzzy: 1 }).map((text) => text.split(':')[0]), ['xyzzy', 'memory', 'cpus']);
  });

  it('says when there is nothing to boot', () => {
    assert.deepEqual(refused({}), ['kernel: there is nothing to boot; add one of "kernel", "multiboot", "floppy", "disks", "cdrom"']);
    assert.deepEqual(refused({ cdrom: 'empty' }), refused({}), 'a drive without a disc');
    accepted({ cdrom: 'a.iso' });
    accepted({ firmware: 'seabios' });
  });

  it('refuses what is no object', () => {
    for (const values of [null, 'kernel', ['kernel'], 5]) assert.match(refused(values)[0], /not a JSON object/);
  });

  it('has nothing to say of what is all there', () => {
    assert.deepEqual(notices(boots), []);
  });

  it('has four places for disks and the CD-ROM drive', () => {
    const disks = ['a', 'b', 'c', 'd'];
    accepted({ disks });
    accepted({ disks: disks.slice(1), cdrom: 'empty' });
    assert.deepEqual(refused({ disks: [...disks, 'e'] }), ['disks: there is room for 4 ATA disks; take some out, or set their "bus" to "virtio"']);
    assert.deepEqual(refused({ disks, cdrom: 'a.iso' }), ['disks: there is room for 3 ATA disks beside the CD-ROM drive; take some out, or set their "bus" to "virtio"']);
  });

  it('does not mind VS Code\'s own properties', () => {
    accepted({ ...boots, name: 'n', type: 'shadowbox', request: 'launch', preLaunchTask: 'make', __sessionId: '1', internalConsoleOptions: 'neverOpen' });
  });

  it('resolves every path, but not the words that stand for one', () => {
    const resolvePath = (path: string, field: string): string => `/${field}/${path}`;
    const { firmware, serial, symbols, disks, multiboot, modules } = accepted({
      firmware: 'seabios', serial: 'out.log', symbols: ['a.elf', { path: 'b.efi', bias: '0x1000' }], disks: ['a.img', { path: 'b.img', writable: true }], multiboot: 'k', modules: [{ path: 'm', cmdline: 'm x' }],
    }, { front: 'editor', resolvePath });
    assert.deepEqual({ firmware, serial, symbols, disks, multiboot, modules }, {
      firmware: 'seabios', serial: '/serial/out.log', symbols: [{ path: '/symbols/a.elf' }, { path: '/symbols/b.efi', bias: '0x1000' }],
      disks: [{ path: '/disks/a.img', writable: false, bus: 'ata' }, { path: '/disks/b.img', writable: true, bus: 'ata' }],
      multiboot: '/multiboot/k', modules: [{ path: '/modules/m', cmdline: 'm x' }],
    });
  });

  it('takes a date without a zone as UTC', () => {
    for (const [rtc, iso] of [['2024-02-29', '2024-02-29T00:00:00Z'], ['2024-02-29T12:30', '2024-02-29T12:30:00Z'], ['2024-02-29T12:30:00+02:00', '2024-02-29T10:30:00Z']]) {
      assert.equal(accepted({ ...boots, rtc }).rtc, Date.parse(iso) / 1000);
    }
  });
});

describe('the nearest word', () => {
  it('is found over a swap, a missing and a wrong letter, and not when nothing is near', () => {
    const words = ['memory', 'kernel', 'cmdline', 'disks'];
    assert.deepEqual(['memroy', 'kernl', 'cmdlime', 'Disks', 'disk', 'bootloader', 'x'].map((word) => nearestWord(word, words)), ['memory', 'kernel', 'cmdline', 'disks', 'disks', undefined, undefined]);
  });
});

interface Manifest {
  readonly contributes: { readonly debuggers: readonly { readonly type: string; readonly configurationAttributes: unknown }[] };
}

describe('the launch configuration\'s other forms', () => {
  it('is what package.json contributes (else run node --import tsx scripts/contributions.ts)', () => {
    const words = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Texts;
    const manifest = internalised(JSON.parse(readFileSync('package.json', 'utf8')) as JsonObject, words) as unknown as Manifest;
    const contribution = manifest.contributes.debuggers.find(({ type }) => type === 'shadowbox');
    assert.deepEqual(contribution?.configurationAttributes, JSON.parse(JSON.stringify(configurationAttributes())));
  });

  it('has a row for every field in docs/configuration.md', () => {
    assert.ok(readFileSync('docs/configuration.md', 'utf8').endsWith(configurationTable()), 'run node --import tsx scripts/contributions.ts');
  });

  it('has a schema without references', () => {
    assert.doesNotMatch(JSON.stringify(configurationAttributes()), /\$ref|definitions/);
  });
});
