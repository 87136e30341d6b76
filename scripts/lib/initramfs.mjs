// Writes initial RAM file systems: cpio archives in the form "newc" (Documentation/driver-api/early-userspace/buffer-format.rst of
// Linux; cpio(5)). Equal files give equal bytes: all times are 0 and everything belongs to root.

const DIRECTORY = 0o040755, PROGRAM = 0o100755, LINK = 0o120777;
const TRAILER = 'TRAILER!!!';

/** The header's 13 fields of 8 hexadecimal digits, after the magic number. */
function header({ inode, mode, links, bytes, nameBytes }) {
  const fields = [inode, mode, 0, 0, links, 0, bytes, 0, 0, 0, 0, nameBytes, 0];
  return `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
}

/** Header and name, then the data, each filled up to a multiple of 4 bytes. */
function member(name, mode, data, inode) {
  const head = Buffer.from(`${header({ inode, mode, links: 1, bytes: data.length, nameBytes: Buffer.byteLength(name) + 1 })}${name}\0`);
  return Buffer.concat([head, fill(head.length), data, fill(data.length)]);
}

const fill = (length) => Buffer.alloc((4 - (length % 4)) % 4);

/** The folders on the way to each path, outermost first, each once. */
function foldersOf(paths) {
  const folders = new Set();
  for (const name of paths) {
    const parts = name.split('/').slice(0, -1);
    parts.forEach((_, i) => folders.add(parts.slice(0, i + 1).join('/')));
  }
  return [...folders];
}

/**
 * The archive, uncompressed (the guest has less to do).
 * @param {{ folders?: string[], programs?: Record<string, Buffer>, links?: Record<string, string> }} contents paths without a
 *   leading slash: folders, which may be empty; contents of files, all executable; targets of symbolic links. Folders on the way
 *   to them come by themselves.
 */
export function initramfs({ folders = [], programs = {}, links = {} }) {
  const empty = Buffer.alloc(0);
  const inside = [...folders, ...Object.keys(programs), ...Object.keys(links)];
  const members = [
    ...new Set([...foldersOf(inside), ...folders]),
  ].map((name) => [name, DIRECTORY, empty]);
  for (const [name, data] of Object.entries(programs)) members.push([name, PROGRAM, data]);
  for (const [name, target] of Object.entries(links)) members.push([name, LINK, Buffer.from(target)]);
  return Buffer.concat([
    ...members.map(([name, mode, data], i) => member(name, mode, data, i + 1)),
    member(TRAILER, 0, empty, 0),
  ]);
}
