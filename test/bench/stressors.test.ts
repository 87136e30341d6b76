/** Tests of the comparison of stressors: what stress-ng says is read, and a shell's commands are waited for, or not for ever. */
import assert from 'node:assert/strict';
import { GuestShell } from '../../bench/stressors/guestShell';
import { operationsOf, stressorsOf } from '../../bench/stressors/stressNg';

/** As stress-ng 0.15 prints it. */
const METRICS = [
  'stress-ng: info:  [85] dispatching hogs: 1 fp-error',
  'stress-ng: metrc: [85] stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s',
  'stress-ng: metrc: [85]                           (secs)    (secs)    (secs)   (real time) (usr+sys time)',
  'stress-ng: metrc: [85] fp-error          44487      1.00      0.99      0.00     44470.83       44936.36',
  'stress-ng: info:  [85] passed: 1: fp-error (1)',
].join('\r\n');

/** A program that takes each line for the name of something to do, as a guest's shell would. */
const SHELL = `
  console.log('init: a shell on ttyS0');
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const [, command, number] = /^(.*); echo done-''(\\d+)\\.$/.exec(line) ?? [];
    if (command === 'hang') return;
    console.log('did ' + command);
    console.log('done-' + number + '.');
  });
`;

describe('the comparison of stressors', () => {
  it('reads how much was done', () => {
    assert.equal(operationsOf(METRICS, 'fp-error'), 44487);
    assert.equal(operationsOf(METRICS, 'fp'), undefined);
    assert.equal(operationsOf(METRICS.replace('44487', '    0'), 'fp-error'), undefined);
    assert.equal(operationsOf('stress-ng: info:  [1] No stress workers invoked', 'rdrand'), undefined);
  });

  it('reads which stressors there are', () => {
    assert.deepEqual(stressorsOf("class 'cpu' stressors: atomic branch x86cpuid\r\n"), ['atomic', 'branch', 'x86cpuid']);
    assert.deepEqual(stressorsOf("Unknown class: 'none'"), []);
  });

  it('says at once what is wrong with a program that cannot be started, or ends', async () => {
    await assert.rejects(GuestShell.boot('no-such-program', []), /no-such-program: spawn no-such-program ENOENT/);
    await assert.rejects(GuestShell.boot(process.execPath, ['-e', 'console.error("no kernel there"); process.exit(3)']), /it has ended \(status 3\)[^]*no kernel there/);
  });

  it('waits for what a command says, and not for ever', async function () {
    this.timeout(60_000);
    const shell = await GuestShell.boot(process.execPath, ['-e', SHELL]);
    try {
      const done = await shell.run('this', 30_000);
      assert.match(done?.text ?? '', /did this/);
      assert.equal(await shell.run('hang', 200), undefined);
    } finally {
      shell.end();
    }
  });
});
