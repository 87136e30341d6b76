/**
 * The fw_cfg file 'bootorder': drives as paths in the form of Open Firmware, one a line, by which SeaBIOS and OVMF know in what
 * order to try them (SeaBIOS, src/boot.c; OVMF, QemuBootOrderLib). What is not listed comes last.
 */

/** A floppy drive by its number, or an ATA disk by channel and position there, 0 or 1 each. */
export type BootPath = { readonly kind: 'floppy'; readonly drive: number } | { readonly kind: 'ata'; readonly channel: number; readonly unit: number };

function pathOf(boot: BootPath): string {
  if (boot.kind === 'floppy') return `/pci@i0cf8/isa@1/fdc@03f0/floppy@${String(boot.drive)}`;
  return `/pci@i0cf8/ide@1,1/drive@${String(boot.channel)}/disk@${String(boot.unit)}`;
}

/** The file's contents, with the zero behind that firmware looks for. */
export function bootOrderFile(order: readonly BootPath[]): { name: string; bytes: Uint8Array } {
  return { name: 'bootorder', bytes: new TextEncoder().encode(`${order.map(pathOf).join('\n')}\0`) };
}
