/** Reading the options of `shadowbox run`. */
import assert from 'node:assert/strict';
import { UsageError, readRunOptions } from '../../src/cli/options';

function complaint(...words: string[]): string {
  try {
    readRunOptions(words);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  return assert.fail('it was accepted');
}

describe('the options of run', () => {
  it('become fields of the configuration', () => {
    const words = '--kernel k --initrd=i --cmdline c --multiboot m --modules a,b --disk d1 --disk d2 --floppy f --cdrom c --firmware seabios --memory 256M '
      + '--cpus 1 --cpu-model pentium-pro --serial none --engine auto --max-instructions 1000';
    assert.deepEqual(readRunOptions(words.split(' ')).fields, {
      kernel: 'k', initrd: 'i', cmdline: 'c', multiboot: 'm', modules: ['a', 'b'], disks: ['d1', 'd2'], floppy: 'f', cdrom: 'c', firmware: 'seabios', memory: '256M',
      cpus: 1, cpuModel: 'pentium-pro', serial: 'none', engine: 'auto', maxInstructions: 1000,
    });
  });

  it('make one network of what several say about it', () => {
    const network = (...words: string[]): unknown => readRunOptions(words).fields.network;
    assert.deepEqual(network('--network', 'user'), {});
    assert.equal(network('--network', 'none'), 'none');
    assert.deepEqual(network('--forward', '2222:22', '--network', 'user', '--capture', 'f.pcap', '--forward', 'udp:53:53'), { forwards: ['2222:22', 'udp:53:53'], capture: 'f.pcap' });
  });

  it('or say how to run', () => {
    const { configurationFile, until, timeout, hash, stats, fields } = readRunOptions(['--until', '^login: $', 'vm.json', '--timeout', '2.5', '--hash', '--stats', 's.json']);
    assert.deepEqual({ configurationFile, until, timeout, hash, stats, fields }, { configurationFile: 'vm.json', until: /^login: $/m, timeout: 2.5, hash: true, stats: 's.json', fields: {} });
  });

  it('let a value begin with a dash after an equals sign', () => {
    assert.deepEqual(readRunOptions(['--cmdline=-s -v']).fields, { cmdline: '-s -v' });
  });

  it('take the last of several where there can be one', () => {
    assert.deepEqual(readRunOptions(['--memory', '1M', '--memory', '2M']).fields, { memory: '2M' });
  });

  const complaints: readonly (readonly [readonly string[], string])[] = [
    [['--kernle', 'x'], 'there is no option --kernle; did you mean --kernel?'],
    [['--xyzzy'], 'there is no option --xyzzy'],
    [['-k', 'x'], 'there is no option -k'],
    [['--kernel'], '--kernel needs a value: --kernel F'],
    [['--initrd', '--hash'], '--initrd needs a value; if it is \'--hash\', write --initrd=--hash'],
    [['--hash=yes'], '--hash takes no value'],
    [['a.json', 'b.json'], 'there can be one configuration file, and \'b.json\' is a second one; options begin with --'],
    [['--timeout', 'soon'], '--timeout: \'soon\' is not a number of seconds; write e.g. --timeout 60'],
    [['--timeout', '0'], '--timeout: \'0\' is not a number of seconds; write e.g. --timeout 60'],
    [['--timeout', '9999999999'], '--timeout: \'9999999999\' is not a number of seconds; write e.g. --timeout 60'],
  ];
  for (const [words, text] of complaints) {
    it(`complain about ${words.join(' ')}`, () => assert.equal(complaint(...words), text));
  }

  it('complain about what is no regular expression', () => {
    assert.match(complaint('--until', '('), /^--until: '\(' is not a regular expression \(.*\); write a backslash before/);
  });
});
