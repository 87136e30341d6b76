/** Opens disk images of any format, with the chain of images that they build on, and makes new ones. */
import { createQcow2, readQcow2Header } from './qcow2Header';
import { Qcow2Image } from './qcow2';
import type { FileAccess, FileStore } from './file';
import { aligned, ImageError, identifierText, SECTOR_BYTES, type DiskImage, type ImageFormat } from './image';
import { probeFormat } from './probe';
import { RawImage } from './raw';
import { acceptVhdParent, checkVhdParent, dynamicHeader, findFooter, FixedVhd, SparseVhd, vhdParentPaths, type VhdImage } from './vhd';
import { DYNAMIC_HEADER_BYTES, FOOTER_BYTES, LOCATOR, locatorBytes, makeDynamicHeader, makeFooter, UNUSED, type VhdLocator } from './vhdFormat';
import { checkVhdxParent, VhdxImage, vhdxParentPaths } from './vhdx';
import { createVhdx, currentHeader, readMetadata, readRegions } from './vhdxFormat';
import { readLog, ReplayedFile } from './vhdxLog';

/** More images that build on one another than anybody makes: a circle. */
const LONGEST_CHAIN = 64;
const VHD_BLOCK = 2 * 1024 * 1024;
const LARGEST_VHD = 0xff000000 * SECTOR_BYTES;

/** An image, and the ones it builds on. */
export interface OpenedImage {
  readonly path: string;
  readonly image: DiskImage;
  readonly parent?: OpenedImage;
}

export interface OpenOptions {
  readonly writable: boolean;
  /** Default: found out by the contents. */
  readonly format?: ImageFormat;
}

class ChainOpener {
  private depth = 0;

  constructor(private readonly files: FileStore) {}

  open(path: string, { writable, format }: OpenOptions): OpenedImage {
    if (++this.depth > LONGEST_CHAIN) throw new ImageError(`${path}: more than ${LONGEST_CHAIN} images build on one another; merge them with: shadowbox disk convert.`);
    const file = this.files.open(path, writable);
    try {
      switch (format ?? probeFormat(file, path)) {
        case 'raw': return { path, image: new RawImage(file, { readOnly: !writable, name: path }) };
        case 'qcow2': return this.openQcow2(file, path, writable);
        case 'vhd': return this.openVhd(file, path, writable);
        case 'vhdx': return this.openVhdx(file, path, writable);
      }
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Builds the image over its parent; the parent's files are closed again when that fails. */
  private over(path: string, parent: OpenedImage | undefined, build: (backing: DiskImage | undefined) => DiskImage): OpenedImage {
    try {
      return { path, image: build(parent?.image), ...(parent === undefined ? {} : { parent }) };
    } catch (error) {
      parent?.image.close();
      throw error;
    }
  }

  private openQcow2(file: FileAccess, path: string, writable: boolean): OpenedImage {
    const { backingPath, backingFormat } = readQcow2Header(file, path);
    return this.over(path, backingPath === undefined ? undefined : this.openBacking(path, backingPath, backingFormat), (backing) => new Qcow2Image(file, path, !writable, backing));
  }

  private openBacking(path: string, written: string, format: string | undefined): OpenedImage {
    const plain = written.replace(/^file:/, '');
    if (/^[a-z][a-z0-9+.-]+:/i.test(plain)) throw new ImageError(`${path}: its backing file '${written}' is no plain file, which is not supported; rebase it on one with: qemu-img rebase.`);
    const known: Readonly<Record<string, ImageFormat>> = { raw: 'raw', qcow2: 'qcow2', vpc: 'vhd', vhdx: 'vhdx' };
    if (format !== undefined && known[format] === undefined) throw new ImageError(`${path}: its backing file is of the format '${format}', which is not supported; convert that to qcow2, and rebase the image on it with: qemu-img rebase.`);
    const found = this.files.resolve(path, plain);
    return this.open(found, { writable: false, ...(format === undefined ? {} : { format: known[format] }) });
  }

  private openVhd(file: FileAccess, path: string, writable: boolean): OpenedImage {
    const footer = findFooter(file);
    if (footer === undefined) throw new ImageError(`${path}: the VHD image's footer is damaged; restore the image from a copy.`);
    if (footer.kind === 'fixed') return { path, image: new FixedVhd(file, path, footer, !writable) };
    let parent: OpenedImage | undefined;
    if (footer.kind === 'differencing') {
      const header = dynamicHeader(file, path, footer);
      parent = this.openParent(path, vhdParentPaths(file, header), 'vhd');
      // The format was asked for, so that is what it is.
      const image = parent.image as VhdImage;
      this.checkParent(parent, () => checkVhdParent({ name: path, header }, { name: parent?.path ?? '', image }));
    }
    return this.over(path, parent, (backing) => new SparseVhd(file, path, footer, !writable, backing));
  }

  private openVhdx(file: FileAccess, path: string, writable: boolean): OpenedImage {
    // The metadata are needed before the image can be built over its parent; a log may have to be replayed for that.
    const replay = readLog(file, currentHeader(file, path), path);
    const settled = replay === undefined ? file : new ReplayedFile(file, replay);
    const metadata = readMetadata(settled, readRegions(settled, path).metadata, path);
    let parent: OpenedImage | undefined;
    if (metadata.hasParent) {
      parent = this.openParent(path, vhdxParentPaths(metadata), 'vhdx');
      const image = parent.image as VhdxImage;
      this.checkParent(parent, () => checkVhdxParent({ name: path, metadata }, { name: parent?.path ?? '', image }));
    }
    return this.over(path, parent, (backing) => new VhdxImage(file, path, !writable, () => this.files.identifier(), backing));
  }

  private checkParent(parent: OpenedImage, check: () => void): void {
    try {
      check();
    } catch (error) {
      parent.image.close();
      throw error;
    }
  }

  /** The first of the paths that can be opened. */
  private openParent(path: string, paths: readonly string[], format: ImageFormat): OpenedImage {
    for (const written of paths) {
      const found = this.files.resolve(path, written);
      let file: FileAccess;
      try {
        file = this.files.open(found, false);
      } catch {
        continue;
      }
      const actual = probeFormat(file, found);
      file.close();
      if (actual !== format) throw new ImageError(`${path}: its parent ${found} is a ${actual} image, and has to be of the child's format; restore the parent.`);
      return this.open(found, { writable: false, format });
    }
    throw new ImageError(`${path}: its parent is not there (${paths.join(', ') || 'no path is given'}); put it back, or merge the images on the computer that has them.`);
  }
}

/**
 * Opens an image and all that it builds on, which is only read.
 * @throws ImageError for images that cannot be used, MachineError for files that cannot be opened
 */
export function openImage(files: FileStore, path: string, options: OpenOptions): OpenedImage {
  return new ChainOpener(files).open(path, options);
}

export interface Creation {
  readonly format: ImageFormat;
  /** Size of the disk, bytes: whole sectors. */
  readonly bytes: number;
  /** All room is taken at once (VHD, VHDX). */
  readonly fixed?: boolean;
  /** Cluster or block size, bytes. */
  readonly blockBytes?: number;
  /** Makes an image that holds only what is changed against this one. */
  readonly backing?: string;
}

/**
 * Makes a new image.
 * @throws RangeError when there can be none of that kind, MachineError when the file cannot be made, or is there already
 */
export function createImage(files: FileStore, path: string, creation: Creation): void {
  const { format, bytes, backing } = creation;
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes % SECTOR_BYTES !== 0) throw new RangeError(`A disk of ${bytes} bytes cannot be: give a multiple of ${SECTOR_BYTES}.`);
  if (format === 'raw' && backing !== undefined) throw new RangeError('A raw image cannot build on another one: choose qcow2, vhd or vhdx.');
  if (format === 'vhd' && bytes > LARGEST_VHD) throw new RangeError(`A VHD image has at most ${LARGEST_VHD} bytes: choose vhdx or qcow2.`);
  const parent = backing === undefined ? undefined : openImage(files, backing, { writable: false });
  try {
    const family = parent?.image.describe().format;
    if (family !== undefined && format !== 'qcow2' && family !== format) throw new RangeError(`A ${format} image can build on another ${format} image only, and '${backing}' is ${family}.`);
    const file = files.create(path);
    try {
      writeNew(files, file, path, creation, parent);
    } finally {
      file.close();
    }
  } finally {
    parent?.image.close();
  }
}

function writeNew(files: FileStore, file: FileAccess, path: string, creation: Creation, parent: OpenedImage | undefined): void {
  const { format, bytes, fixed, blockBytes } = creation;
  const block = blockBytes === undefined ? {} : { blockBytes };
  switch (format) {
    case 'raw':
      file.resize(bytes);
      break;
    case 'qcow2': {
      const names: Readonly<Record<ImageFormat, string>> = { raw: 'raw', qcow2: 'qcow2', vhd: 'vpc', vhdx: 'vhdx' };
      const backing = parent === undefined ? undefined : { path: files.relative(path, parent.path), format: names[parent.image.describe().format] };
      createQcow2(file, { bytes, ...(blockBytes === undefined ? {} : { clusterBytes: blockBytes }), ...(backing === undefined ? {} : { backing }) });
      break;
    }
    case 'vhd':
      createVhd(files, file, path, creation, parent);
      break;
    case 'vhdx': {
      const locator = parent === undefined ? undefined : new Map([
        ['parent_linkage', `{${identifierText((parent.image as VhdxImage).dataWrite, true)}}`],
        ['relative_path', files.relative(path, parent.path).replaceAll('/', '\\')],
        ['absolute_win32_path', files.resolve(path, parent.path).replaceAll('/', '\\')],
      ]);
      createVhdx(file, { bytes, ...block, ...(fixed === undefined ? {} : { fixed }), ...(locator === undefined ? {} : { parent: locator }), identifier: () => files.identifier() });
    }
  }
}

function createVhd(files: FileStore, file: FileAccess, path: string, { bytes, fixed, blockBytes = VHD_BLOCK }: Creation, parent: OpenedImage | undefined): void {
  const kind = fixed === true ? 'fixed' : parent === undefined ? 'dynamic' : 'differencing';
  const footer = makeFooter({ kind, bytes, uniqueId: files.identifier(), moment: files.moment() });
  if (kind === 'fixed') {
    file.resize(bytes);
    file.write(bytes, footer);
    return file.flush();
  }
  const entries = Math.ceil(bytes / blockBytes);
  const tableOffset = FOOTER_BYTES + DYNAMIC_HEADER_BYTES;
  let end = tableOffset + aligned(entries * 4, SECTOR_BYTES);
  const table = new Uint8Array(end - tableOffset).fill(UNUSED & 0xff);
  const locators: VhdLocator[] = [];
  if (parent !== undefined) {
    const paths = [[LOCATOR.relative, `./${files.relative(path, parent.path)}`], [LOCATOR.absolute, files.resolve(path, parent.path)]] as const;
    for (const [code, text] of paths) {
      const written = locatorBytes(text);
      file.write(end, written);
      locators.push({ code, offset: end, bytes: written.length });
      end += aligned(written.length, SECTOR_BYTES);
    }
  }
  const image = parent?.image as VhdImage | undefined;
  const named = image === undefined || parent === undefined ? undefined : { uniqueId: image.uniqueId, modified: image.modified, name: parent.path.split(/[\\/]/).at(-1) ?? '', locators };
  file.write(tableOffset, table);
  file.write(end, footer);
  file.write(FOOTER_BYTES, makeDynamicHeader({ tableOffset, entries, blockBytes, ...(named === undefined ? {} : { parent: named }) }));
  file.write(0, footer);
  file.flush();
}

/**
 * Makes a VHD child take its parent as it is now: after the parent was copied, which changes its time of modification.
 * @throws ImageError when the identifiers differ, or the image is no such child
 */
export function acceptParent(files: FileStore, path: string): void {
  const file = files.open(path, true);
  try {
    const footer = findFooter(file);
    if (footer?.kind !== 'differencing') throw new ImageError(`${path}: it is no differencing VHD image, and no other kind knows its parent by the time.`);
    const header = dynamicHeader(file, path, footer);
    for (const written of vhdParentPaths(file, header)) {
      const found = files.resolve(path, written);
      let parent: OpenedImage;
      try {
        parent = openImage(files, found, { writable: false });
      } catch {
        continue;
      }
      const { modified } = parent.image as VhdImage;
      parent.image.close();
      checkVhdParent({ name: path, header: { ...header, parentModified: modified } }, { name: found, image: parent.image as VhdImage });
      return acceptVhdParent(file, footer, modified);
    }
    throw new ImageError(`${path}: its parent is not there; put it back first.`);
  } finally {
    file.close();
  }
}

const COPY_BYTES = 1024 * 1024;

/** Copies a disk into an empty one of at least its size. `progress` is told bytes done, up to the source's size. */
export function copyDisk(source: DiskImage, target: DiskImage, progress: (bytes: number) => void): void {
  const buffer = new Uint8Array(COPY_BYTES);
  for (let offset = 0; offset < source.bytes;) {
    const { bytes, zero } = source.extentAt(offset);
    if (zero) offset += bytes;
    else {
      const piece = buffer.subarray(0, Math.min(bytes, COPY_BYTES - (offset % COPY_BYTES), source.bytes - offset));
      source.read(offset, piece);
      writeWhatIsNotZero(target, offset, piece);
      offset += piece.length;
    }
    progress(offset);
  }
}

const GRAIN = 4096;

/** Runs of pieces that are not all zeros. */
function writeWhatIsNotZero(target: DiskImage, offset: number, bytes: Uint8Array): void {
  const words = (start: number): boolean => bytes.subarray(start, start + GRAIN).some((byte) => byte !== 0);
  for (let start = 0; start < bytes.length;) {
    let end = start;
    while (end < bytes.length && words(end)) end += GRAIN;
    if (end > start) target.write(offset + start, bytes.subarray(start, Math.min(end, bytes.length)));
    start = Math.max(end, start + GRAIN);
  }
}
