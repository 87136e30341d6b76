// Writes ZIP archives (PKWARE APPNOTE 6.3.3): deflated files, names in UTF-8, no ZIP64. The same files give the same bytes.
import { crc32, deflateRawSync } from 'node:zlib';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
/** Version 2.0: deflate and folders. */
const VERSION = 20;
/** Flag 11: names are UTF-8. */
const UTF8_NAMES = 0x0800;
const DEFLATED = 8;
/** 1 January 1980, the earliest that a ZIP can say: when a file was packed is nobody's affair. */
const DOS_DATE = 0x0021;
const MOST_BYTES = 0xffff_ffff;
const MOST_FILES = 0xffff;

/** The fields that a file's local header and its entry in the directory share, from 'version needed' to the name's length. */
function commonFields(name, { checksum, packed, size }) {
  const fields = Buffer.alloc(24);
  fields.writeUInt16LE(VERSION, 0);
  fields.writeUInt16LE(UTF8_NAMES, 2);
  fields.writeUInt16LE(DEFLATED, 4);
  fields.writeUInt16LE(0, 6);
  fields.writeUInt16LE(DOS_DATE, 8);
  fields.writeUInt32LE(checksum, 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/**
 * A ZIP archive.
 * @param {readonly {name: string, data: Uint8Array}[]} files names have '/' between folders
 * @returns {Buffer}
 * @throws {RangeError} when it would need ZIP64
 */
export function zip(files) {
  if (files.length > MOST_FILES) throw new RangeError(`a ZIP archive holds ${MOST_FILES} files at most, not ${files.length}`);
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, data } of files) {
    const nameBytes = Buffer.from(name, 'utf8');
    const packed = deflateRawSync(data, { level: 9 });
    const common = commonFields(nameBytes, { checksum: crc32(data), packed, size: data.length });
    // After the name's length: that of the extra field, none.
    const local = [uint32(LOCAL_HEADER), common, Buffer.alloc(2), nameBytes, packed];
    // Version made by; then extra field, comment, disk, internal attributes (2 bytes each) and external ones (4), all 0; the place.
    const madeBy = Buffer.alloc(2);
    madeBy.writeUInt16LE(VERSION);
    directory.push(uint32(CENTRAL_HEADER), madeBy, common, Buffer.alloc(12), uint32(offset), nameBytes);
    parts.push(...local);
    offset += local.reduce((sum, { length }) => sum + length, 0);
  }
  const directoryBytes = Buffer.concat(directory);
  if (offset + directoryBytes.length > MOST_BYTES) throw new RangeError('the ZIP archive would be larger than 4 GiB');
  const end = Buffer.alloc(22);
  end.writeUInt32LE(END_OF_DIRECTORY, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directoryBytes.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directoryBytes, end]);
}
