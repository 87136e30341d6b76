/**
 * The fw_cfg file 'bootorder': what to boot from as paths in the form of Open Firmware, one a line, by which SeaBIOS and OVMF know in
 * what order to try it (SeaBIOS, src/boot.c; OVMF, QemuBootOrderLib). What is not listed comes last, or not at all.
 */
/** A floppy drive by its number, an ATA or ATAPI drive by channel and position there (0 or 1 each), a virtio disk or a network card by its PCI slot. */
export type BootPath =
  | { readonly kind: 'floppy'; readonly drive: number }
  | { readonly kind: 'ata'; readonly channel: number; readonly unit: number }
  | { readonly kind: 'virtioDisk' | 'network'; readonly slot: number };

function pathOf(boot: BootPath): string {
  switch (boot.kind) {
    case 'floppy': return `/pci@i0cf8/isa@1/fdc@03f0/floppy@${boot.drive}`;
    case 'ata': return `/pci@i0cf8/ide@1,1/drive@${boot.channel}/disk@${boot.unit}`;
    case 'virtioDisk': return `/pci@i0cf8/scsi@${boot.slot.toString(16)}/disk@0,0`;
    case 'network': return `/pci@i0cf8/ethernet@${boot.slot.toString(16)}/ethernet-phy@0`;
  }
}

/** The file's contents, with the zero behind that firmware looks for. */
export function bootOrderFile(order: readonly BootPath[]): { name: string; bytes: Uint8Array } {
  return { name: 'bootorder', bytes: new TextEncoder().encode(`${order.map(pathOf).join('\n')}\0`) };
}
