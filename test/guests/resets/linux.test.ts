/**
 * Debian's kernel reboots by each of its ways, on one and on several processors, and finds again what it has put into memory that is not
 * its own, as its ramoops does.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { boot } from '../harness';
import { askShell } from '../support/shell';
import { FETCHING_MS, LINUX, needGuests } from '../support/testGuests';

const MOST_MS = 120_000;
/** A megabyte that is not the kernel's, and what is put there. */
const RESERVED = '0x8000000', MARK = '0x5EED1234';

/** `/sys/kernel/reboot/type`, and what the machine says of it. The last reset of each is the BIOS's, or the kernel's own. */
const WAYS: readonly (readonly [type: string, resets: RegExp])[] = [
  ['kbd', /8042 reset pulse/],
  ['triple', /triple fault/],
  ['pci', /CF9/],
  ['acpi', /CF9/],
  ['bios', /CF9/],
];

for (const { flavour, shell, cpus } of [{ flavour: 'amd64', shell: 'shell-amd64', cpus: 1 }, { flavour: '686', shell: 'shell-i386', cpus: 2 }]) {
  describe(`Linux ${flavour} on ${String(cpus)} reboots`, function () {
    this.timeout(WAYS.length * MOST_MS);
    this.slow(60_000);

    before(function () {
      this.timeout(FETCHING_MS);
      needGuests(this, 'kernels');
    });

    it('by each way, and finds memory as it was', async () => {
      const guest = await boot({
        kernel: path.join(LINUX, `vmlinuz-${flavour}`), initrd: path.join(LINUX, `${shell}.cpio`), cpus, memory: '256M', tripleFault: 'reset',
        cmdline: `console=ttyS0,115200 quiet memmap=1M$${RESERVED}`,
      });
      guest.patience = MOST_MS;
      guest.waitForSerial(/guest# /);
      const marked = (): string => askShell(guest, `devmem ${RESERVED} 32`).trim();
      assert.equal(marked(), '0x00000000');
      askShell(guest, `devmem ${RESERVED} 32 ${MARK}`);
      for (const [type, resets] of WAYS) {
        askShell(guest, `echo ${type} > /sys/kernel/reboot/type`);
        [guest.serial, guest.debug] = ['', ''];
        guest.send('reboot -f\n');
        guest.waitForSerial(/Restarting system[^]*guest# /);
        assert.match(guest.debug, resets, type);
        assert.equal(marked(), MARK, type);
        assert.equal(askShell(guest, 'nproc').trim(), String(cpus), type);
      }
    });
  });
}
