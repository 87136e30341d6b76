/**
 * How panels write numbers: addresses in hexadecimal with a fixed width, counts in decimal, sizes in binary units.
 */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** Hexadecimal digits without prefix, lower case, at least `digits` of them. */
export function hex(value: bigint | number, digits = 1): string {
  return value.toString(16).padStart(digits, '0');
}

/** A size in bytes, in the largest unit that divides it: '4 KiB', '1023 KiB', '4 MiB'. */
export function size(bytes: bigint): string {
  let rest = bytes;
  let unit = 0;
  while (unit < UNITS.length - 1 && rest !== 0n && rest % 1024n === 0n) {
    rest /= 1024n;
    unit++;
  }
  return `${rest} ${UNITS[unit]}`;
}

/** A count in decimal with thin spaces between groups of three digits. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** A size in bytes for people: '1.4 MiB', '512 B', at most three digits and a half. */
export function roughSize(bytes: number): string {
  let rest = bytes;
  let unit = 0;
  while (unit < UNITS.length - 1 && rest >= 1024) {
    rest /= 1024;
    unit++;
  }
  const digits = unit === 0 || rest >= 100 ? 0 : 1;
  return `${rest.toFixed(digits).replace(/\.0$/, '')} ${UNITS[unit]}`;
}
