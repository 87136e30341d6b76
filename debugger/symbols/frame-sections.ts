// Which sections of a file have call frame information: its own, or one that separate debugging information leaves out and that is
// taken from the program's memory.

import { ByteReader } from "./bytes";
import type { FrameSection } from "./cfi";
import { SHT } from "./elf";
import type { AddressRange } from "./intervals";
import type { ObjectFile } from "./object-file";

const IN_MEMORY = ".eh_frame";

/** @param taken what stands in memory where `framesLeftOut` says */
export function frameSections(object: ObjectFile, taken: Uint8Array | undefined): FrameSection[] {
  const sections: FrameSection[] = [];
  const textBase = object.section(".text")?.address;
  const dataBase = (object.section(".got.plt") ?? object.section(".got"))?.address;
  for (const name of [".debug_frame", IN_MEMORY]) {
    const bytes = object.debugSection(name) ?? (name === IN_MEMORY ? taken : undefined);
    const reader = bytes && new ByteReader(bytes, `${name} of ${object.name}`);
    if (reader !== undefined) sections.push({ reader, address: object.section(name)?.address ?? 0n, isEhFrame: name === IN_MEMORY, textBase, dataBase });
  }
  return sections;
}

/** Where a program has call frame information in memory that its file has not (file addresses); undefined if the file leaves out none. */
export function framesLeftOut(object: ObjectFile): AddressRange | undefined {
  const section = object.section(IN_MEMORY);
  if (section?.type !== SHT.NOBITS || section.size === 0) return undefined;
  return { start: section.address, end: section.address + BigInt(section.size) };
}
