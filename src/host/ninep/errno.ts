/** Error numbers as a Linux client knows them, whatever system the host is. */

const ERRNO = {
  EPERM: 1, ENOENT: 2, EIO: 5, EBADF: 9, EACCES: 13, EBUSY: 16, EEXIST: 17, EXDEV: 18, ENOTDIR: 20, EISDIR: 21, EINVAL: 22, ENFILE: 23, EMFILE: 24,
  EFBIG: 27, ENOSPC: 28, EROFS: 30, EMLINK: 31, ENAMETOOLONG: 36, ENOTEMPTY: 39, ELOOP: 40, EOPNOTSUPP: 95, EDQUOT: 122,
} as const;

export type ErrorName = keyof typeof ERRNO;

/** A request that cannot be done, and why. */
export class NinepError extends Error {
  constructor(readonly reason: ErrorName) {
    super(reason);
    this.name = 'NinepError';
  }

  /** Linux's number. */
  get number(): number {
    return ERRNO[this.reason];
  }
}

/** The error that an operating system's code ('ENOENT') stands for; an input/output error when Linux has none of that name here. */
export function errorOfCode(code: string): NinepError {
  const known: readonly string[] = Object.keys(ERRNO);
  return new NinepError(known.includes(code) ? (code as ErrorName) : 'EIO');
}
