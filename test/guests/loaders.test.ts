/**
 * Guests that are no Linux kernels, and are loaded without a boot loader, as Debian packs them: Xen by Multiboot, with Linux as its first
 * domain; iPXE, which starts by its real-mode code; U-Boot, which is the firmware itself.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from '../../src/filesystems/crc32';
import { GUESTS, shadowbox } from './harness';
import { FETCHING_MS, LINUX, needGuests } from './support/testGuests';

/** Half a minute for Xen on a quiet machine of 2024, a few seconds for the others. */
const LONGEST_SECONDS = 600;
/** Option 53 with 5: the message that gives an address (RFC 2132, 9.6). */
const DHCP_ACK = Buffer.of(53, 1, 5);
const END = ['--timeout', String(LONGEST_SECONDS)];

/** A script as U-Boot's `mkimage` packs it: a header with checksums of the data and of itself, then lengths and texts (include/image.h). */
function bootScript(text: string): Buffer {
  const data = Buffer.concat([Buffer.alloc(8), Buffer.from(text)]);
  data.writeUInt32BE(Buffer.byteLength(text));
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x2705_1956);
  header.writeUInt32BE(data.length, 12);
  header.writeUInt32BE(crc32(data), 24);
  // Linux, x86, script, not compressed.
  header.set([5, 14, 6, 0], 28);
  header.writeUInt32BE(crc32(header), 4);
  return Buffer.concat([header, data]);
}

describe('guests with loaders of their own kind', function () {
  this.timeout((LONGEST_SECONDS + 60) * 1000);
  this.slow(LONGEST_SECONDS * 1000);
  let folder = '';

  before(function () {
    this.timeout(FETCHING_MS);
    needGuests(this, 'kernels', 'xen', 'ipxe', 'u-boot');
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-loaders-'));
  });
  after(() => { if (folder !== '') rmSync(folder, { recursive: true }); });

  it('Xen starts Linux as its first domain, which comes to its shell', async () => {
    const configuration = path.join(folder, 'xen.json');
    writeFileSync(configuration, JSON.stringify({
      multiboot: path.join(GUESTS, 'xen', 'xen'), cmdline: 'xen console=com1 com1=115200 loglvl=all noreboot', memory: '512M',
      modules: [
        { path: path.join(LINUX, 'vmlinuz-amd64'), cmdline: 'linux console=hvc0 earlyprintk=xen' }, path.join(LINUX, 'shell-amd64.cpio'),
      ],
    }));
    const { status, out, err } = await shadowbox('run', configuration, '--until', 'init: a shell', ...END);
    assert.deepEqual({ status, err }, { status: 0, err: '' }, out.slice(-2000));
    // Its real-mode code has asked the BIOS for the mode, and for disks.
    for (const mark of [/VGA is text mode 80x25, font 8x16/, /Found 0 MBR signatures/, /Dom0 has maximum 1 VCPUs/, /Hypervisor detected: Xen PV/]) assert.match(out, mark);
    assert.doesNotMatch(out, /Panic|FATAL|BUG:|Oops|Call Trace/);
  });

  it('U-Boot comes to its prompt, with the card\'s address and one by DHCP', async () => {
    const { status, out, err } = await shadowbox('run', '--firmware', path.join(GUESTS, 'u-boot', 'qemu-x86_64.rom'), '--network', 'user', '--until', '^=> ', ...END);
    assert.deepEqual({ status, err }, { status: 0, err: '' }, out.slice(-2000));
    for (const mark of [/DRAM: +128 MiB/, /Net: +e1000: 52:54:00:12:34:56/, /DHCP client bound to address 10\.0\.2\.15/]) assert.match(out, mark);
  });

  it('U-Boot takes its script by TFTP from the server that DHCP names, by a name of its own', async () => {
    writeFileSync(path.join(folder, 'boot.scr.uimg'), bootScript('echo Script by ${serverip}\n'));
    const configuration = path.join(folder, 'u-boot.json');
    // Of less memory U-Boot has itself where the script goes.
    writeFileSync(configuration, JSON.stringify({ firmware: path.join(GUESTS, 'u-boot', 'qemu-x86_64.rom'), memory: '512M', network: { card: 'e1000', tftp: folder } }));
    const { status, out, err } = await shadowbox('run', configuration, '--until', '^Script by 10.0.2.2', ...END);
    assert.deepEqual({ status, err }, { status: 0, err: '' }, out.slice(-2000));
  });

  it('iPXE starts as a kernel, and gets an address', async () => {
    const capture = path.join(folder, 'frames.pcap');
    const { status, err } = await shadowbox('run', '--kernel', path.join(GUESTS, 'ipxe', 'ipxe.lkrn'), '--capture', capture, ...END);
    // Nothing to boot there: it gives up, as a boot sector does.
    assert.equal(status, 3);
    assert.ok(readFileSync(capture).includes(DHCP_ACK));
    assert.match(err, /BIOS: No bootable device: the boot sector found no system\./);
  });
});
