// Files that belong to a symbol file: separate debugging information (.gnu_debuglink, build ids), what dwz has moved into a
// shared file (.gnu_debugaltlink, .debug_sup), and split units (.dwo, .dwp). Says where to look, and whether what was found fits.

import { ByteReader } from "./bytes";
import { SourceFile } from "./byte-source";
import type { ByteSource } from "./byte-source";
import type { DebugSections } from "./debug-info";
import { joinPath } from "./paths";

/** Where distributions keep separate debugging information. */
const SYSTEM_DEBUG = "/usr/lib/debug";
/** The same in a directory that is a copy of a guest's files. */
const DEBUG_TREE = SYSTEM_DEBUG.slice(1);

/** Directories that may be laid out as /usr/lib/debug: those that are named, and what they have of it as copies of a guest's files. */
function debugTrees(directories: readonly string[]): string[] {
  return directories.flatMap(directory => [directory, joinPath(directory, DEBUG_TREE)]);
}

/** A name that a file gives for another, with what shows that it is the right one. */
export interface FileLink {
  readonly name: string;
  /** The other file's build id in hexadecimal digits. */
  readonly buildId?: string | undefined;
  /** CRC-32 of the whole other file. */
  readonly checksum?: number | undefined;
}

export function directoryOf(path: string): string {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  if (end < 0) return ".";
  return end === 0 ? "/" : path.slice(0, end);
}

export function lastPart(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("");
}

/** .gnu_debuglink: a file name, zero bytes up to a multiple of four, a CRC-32. Undefined if the file has none; throws `SymbolFileError` if it is broken. */
export function readDebugLink(sections: DebugSections, fileName: string): FileLink | undefined {
  const bytes = sections.debugSection(".gnu_debuglink");
  if (bytes === undefined) return undefined;
  const reader = new ByteReader(bytes, `.gnu_debuglink of ${fileName}`);
  const name = reader.text();
  reader.seek((reader.offset + 3) & ~3);
  return { name, checksum: reader.u32() };
}

/** The supplementary file: .gnu_debugaltlink (a name, then its build id), or DWARF 5's .debug_sup (7.3.6). */
export function readAlternateLink(sections: DebugSections, fileName: string): FileLink | undefined {
  const bytes = sections.debugSection(".gnu_debugaltlink");
  if (bytes !== undefined) {
    const reader = new ByteReader(bytes, `.gnu_debugaltlink of ${fileName}`);
    return { name: reader.text(), buildId: hexOf(reader.take(reader.remaining)) };
  }
  const sup = sections.debugSection(".debug_sup");
  if (sup === undefined) return undefined;
  const reader = new ByteReader(sup, `.debug_sup of ${fileName}`);
  reader.skip(2);
  const isSupplementary = reader.u8() !== 0;
  return isSupplementary ? undefined : { name: reader.text(), buildId: hexOf(reader.take(reader.uleb())) };
}

/** `.build-id/ab/cdef.debug`: where a build id leads to in a directory with debugging information. None without one. */
export function buildIdPlaces(buildId: string | undefined): string[] {
  return buildId === undefined || buildId.length < 4 ? [] : [`.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`];
}

/**
 * Paths at which the separate debugging information of a program may be, the most exact first.
 * @param directories where to look beside the usual places: each may be laid out as /usr/lib/debug, be a copy of a guest's files, or have the files themselves
 */
export function debugFilePlaces(path: string, buildId: string | undefined, link: FileLink | undefined, directories: readonly string[] = []): string[] {
  const directory = directoryOf(path);
  const byId = buildIdPlaces(buildId);
  const wide = [...debugTrees(directories), SYSTEM_DEBUG];
  const byName = link === undefined ? [] : [
    joinPath(directory, link.name), joinPath(directory, `.debug/${link.name}`), ...directories.map(each => joinPath(each, link.name)),
    ...wide.map(each => joinPath(each, `${directory}/${link.name}`.replace(/^\/+/, ""))),
  ];
  return [
    ...byId.flatMap(name => [directory, ...wide].map(each => joinPath(each, name))), ...byName,
    joinPath(directory, `${lastPart(path)}.debug`), joinPath(directory, `.debug/${lastPart(path)}.debug`), ...directories.map(each => joinPath(each, `${lastPart(path)}.debug`)),
  ];
}

/** Paths at which the file of a guest's program may be that runs there as `guestPath`: exact ones first, then by its name alone. */
export function programPlaces(guestPath: string, buildId: string | undefined, directories: readonly string[]): string[] {
  const inGuest = guestPath.replace(/^\/+/, "");
  const name = lastPart(guestPath);
  const each = (...places: readonly string[]): string[] => directories.flatMap(directory => places.map(place => joinPath(directory, place)));
  return [...new Set([
    ...each(...buildIdPlaces(buildId).flatMap(place => [place, `${DEBUG_TREE}/${place}`])),
    ...each(inGuest, `${inGuest}.debug`, `${DEBUG_TREE}/${inGuest}.debug`),
    ...each(name, `${name}.debug`),
  ])];
}

/** Paths at which the file of a Linux kernel of that release may be. */
export function kernelPlaces(release: string, buildId: string | undefined, directories: readonly string[]): string[] {
  const versioned = `vmlinux-${release}`;
  const names = [versioned, `boot/${versioned}`, `${DEBUG_TREE}/boot/${versioned}`, `${DEBUG_TREE}/lib/modules/${release}/vmlinux`, "vmlinux"];
  return directories.flatMap(directory => [...buildIdPlaces(buildId).flatMap(place => [place, `${DEBUG_TREE}/${place}`]), ...names].map(place => joinPath(directory, place)));
}

/**
 * Paths at which the supplementary file of a file at `path` may be. Distributions name it as it is installed (`/usr/lib/debug/.dwz/…`).
 * @param directories as in `debugFilePlaces`
 */
export function alternatePlaces(path: string, { name, buildId }: FileLink, directories: readonly string[] = []): string[] {
  const beside = directoryOf(path);
  const trees = [...debugTrees(directories), SYSTEM_DEBUG];
  const installed = name.startsWith(`${SYSTEM_DEBUG}/`) ? name.slice(SYSTEM_DEBUG.length + 1) : undefined;
  // The tree of a guest's files, or of an unpacked package, that `path` itself lies in.
  const around = path.lastIndexOf(`${SYSTEM_DEBUG}/`);
  const own = around > 0 && installed !== undefined ? [path.slice(0, around) + name] : [];
  return [...new Set([
    joinPath(beside, name), ...own, joinPath(beside, lastPart(name)),
    ...buildIdPlaces(buildId).flatMap(place => trees.map(tree => joinPath(tree, place))),
    ...(installed === undefined ? [] : trees.map(tree => joinPath(tree, installed))),
    ...directories.map(directory => joinPath(directory, lastPart(name))), joinPath(`${SYSTEM_DEBUG}/.dwz`, lastPart(name)),
  ])];
}

/** Paths at which a split unit may be: as the compiler saw it, then beside the symbol file. */
export function splitPlaces(path: string, directory: string, name: string): string[] {
  const beside = directoryOf(path);
  return [...new Set([joinPath(directory, name), joinPath(beside, name), joinPath(beside, lastPart(name))])];
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});
const CRC_STEP = 1 << 20;

/** CRC-32 (as zlib's) of a whole file. */
export function checksumOf(source: ByteSource, name: string): number {
  const file = new SourceFile(source, name);
  let crc = 0xffffffff;
  for (let offset = 0; offset < file.size; offset += CRC_STEP) {
    for (const byte of file.bytes(offset, Math.min(file.size, offset + CRC_STEP))) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8)) >>> 0;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
