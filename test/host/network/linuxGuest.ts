/**
 * A Linux guest with an e1000 or virtio card for tests of the network: Debian's kernel, its drivers out of the installer's initial RAM disk,
 * busybox, and a script that init runs. For QEMU and for our own machine alike.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Context } from 'mocha';
import { initramfs } from '../../../scripts/lib/initramfs.mjs';
import { GUESTS } from '../../guests/harness';
import { needGuests } from '../../guests/support/testGuests';
import { leaveOut } from '../../support/leaveOut';

export const KERNEL = path.join(GUESTS, 'debian-i386', 'linux');
const INSTALLER = path.join(GUESTS, 'debian-i386', 'initrd.gz');
const SHELL = path.join(GUESTS, 'linux', 'shell-i386.cpio');
/** In the order in which they are loaded. */
const MODULES = [
  'virtio_ring', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio', 'virtio_pci', 'failover', 'net_failover', 'virtio_net', 'e1000', 'af_packet',
];
const HEADER_BYTES = 110;

/** Makes what the guest consists of if it is not there, or leaves out what asks for it. */
export function needLinuxGuest(context: Context): void {
  if (!existsSync(KERNEL) || !existsSync(INSTALLER)) leaveOut(context, 'no Debian kernel in .cache/guests/debian-i386 (npm run setup fetches it)');
  needGuests(context, 'kernels');
}

/** Files of a cpio archive ("newc") whose names `wanted` takes. */
function filesOf(archive: Buffer, wanted: (name: string) => boolean): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const field = (at: number, index: number): number => Number.parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
  const padded = (at: number): number => (at + 3) & ~3;
  for (let at = 0; at + HEADER_BYTES <= archive.length;) {
    const name = archive.toString('latin1', at + HEADER_BYTES, at + HEADER_BYTES + field(at, 11) - 1);
    if (name === 'TRAILER!!!') break;
    const data = padded(at + HEADER_BYTES + field(at, 11));
    const bytes = field(at, 6);
    if (wanted(name)) files.set(name, archive.subarray(data, data + bytes));
    at = padded(data + bytes);
  }
  return files;
}

/** udhcpc tells what it has got by calling this; the lines are for the tests. */
const DHCP_SCRIPT = `#!/bin/busybox sh
case $1 in
  bound|renew)
    ifconfig $interface $ip netmask $subnet
    route add default gw $router
    echo "nameserver $dns" > /etc/resolv.conf
    echo "dhcp: $ip $subnet $router $dns host=$hostname domain=$domain lease=$lease server=$serverid tftp=$tftp boot=$bootfile mtu=$mtu" ;;
esac
`;

function init(script: string): string {
  return `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
exec > /dev/ttyS0 2>&1
stty -onlcr < /dev/ttyS0
cd /tmp
for m in ${MODULES.join(' ')}; do [ -f /lib/$m.ko ] && insmod /lib/$m.ko; done
ifconfig lo 127.0.0.1
ifconfig eth0 up
udhcpc -i eth0 -n -q -t 10 -T 1 -O tftp -O bootfile -O mtu -s /lib/dhcp > /tmp/dhcp.log 2>&1
grep dhcp: /tmp/dhcp.log
${script}
echo script: end
poweroff -f
`;
}

/** The busybox of the test guests, a program of i386 without libraries. */
export function busybox(): Buffer {
  return filesOf(readFileSync(SHELL), (name) => name === 'bin/busybox').get('bin/busybox') ?? assert.fail(`${SHELL} has no busybox`);
}

/** The initial RAM disk. After DHCP the guest runs the lines of `script`, then says 'script: end' and powers off. */
export function linuxGuest(script: string): Buffer {
  const modules = filesOf(gunzipSync(readFileSync(INSTALLER)), (name) => MODULES.some((module) => name.endsWith(`/${module}.ko`)));
  const drivers = Object.fromEntries([...modules].map(([name, bytes]) => [`lib/${path.basename(name)}`, bytes]));
  const programs = { ...drivers, init: Buffer.from(init(script)), 'lib/dhcp': Buffer.from(DHCP_SCRIPT), 'bin/busybox': busybox(), 'etc/hosts': Buffer.from('127.0.0.1 localhost\n') };
  return initramfs({ folders: ['dev', 'proc', 'sys', 'tmp', 'etc'], programs });
}
