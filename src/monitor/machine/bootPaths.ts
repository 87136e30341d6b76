/** Where on the board the drives and the network card are that the firmware shall boot from. */
import { CDROM_PLACE, diskPlace, NETWORK_SLOT } from '../devices/board';
import type { BootDevice } from '../devices/cmos';
import { FIRST_VIRTIO_SLOT } from '../devices/virtio/devices';
import type { BootPath } from '../firmware/boot-order';

/** What there is to boot from. */
export interface BootDrives {
  readonly floppy: boolean;
  /** The hard disks in their order, by their buses. */
  readonly disks: readonly ('ata' | 'virtio')[];
  readonly cdrom: boolean;
  readonly network: 'e1000' | 'virtio' | undefined;
}

/** What is tried when nobody says otherwise, as far as it is there. */
const USUAL_ORDER: readonly BootDevice[] = ['floppy', 'disk', 'cdrom', 'network'];

function diskPaths({ disks, cdrom }: BootDrives): BootPath[] {
  return disks.map((bus, index) => {
    const before = disks.slice(0, index).filter((other) => other === bus).length;
    if (bus === 'virtio') return { kind: 'virtioDisk', slot: FIRST_VIRTIO_SLOT + before };
    const place = diskPlace(before, cdrom);
    return { kind: 'ata', channel: place >> 1, unit: place & 1 };
  });
}

function networkSlot({ network, disks }: BootDrives): number {
  // A virtio card comes behind the virtio disks.
  return network === 'e1000' ? NETWORK_SLOT : FIRST_VIRTIO_SLOT + disks.filter((bus) => bus === 'virtio').length;
}

/** Where what is to be tried is, in this order. */
export function bootPaths(drives: BootDrives, order: readonly BootDevice[] = USUAL_ORDER): readonly BootPath[] {
  return order.flatMap((device): BootPath[] => {
    switch (device) {
      case 'floppy': return drives.floppy ? [{ kind: 'floppy', drive: 0 }] : [];
      case 'disk': return diskPaths(drives);
      case 'cdrom': return drives.cdrom ? [{ kind: 'ata', channel: CDROM_PLACE >> 1, unit: CDROM_PLACE & 1 }] : [];
      case 'network': return drives.network === undefined ? [] : [{ kind: 'network', slot: networkSlot(drives) }];
    }
  });
}
