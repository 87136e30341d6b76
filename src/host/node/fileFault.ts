/** Says in words why a file could not be used, and what to do. */

const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path',
  ENOTDIR: 'part of the path is a file, not a folder; check the path',
  EISDIR: 'it is a folder; name a file in it',
  EACCES: 'it may not be accessed; change its permissions or run as somebody who may',
  EPERM: 'it may not be accessed; change its permissions or run as somebody who may',
  EROFS: 'its file system is read-only; copy the file elsewhere, or do not ask to write',
  EMFILE: 'too many files are open; close some programs',
  ENOSPC: 'the disk is full; make room',
  EEXIST: 'it is there already; take another name, or remove it',
  ELOOP: 'its symbolic links go in circles; mend them',
};

/** 'path: what is wrong; what to do', from whatever the file system threw. */
export function fileFault(path: string, error: unknown): string {
  if (!(error instanceof Error)) return `${path}: ${String(error)}`;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return `${path}: ${REMEDIES[code] ?? error.message}`;
}
