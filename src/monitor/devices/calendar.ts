/** Civil time in the Gregorian calendar, from and to seconds since 1970-01-01 00:00:00 UTC. */

export interface CivilTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 1 (Sunday) to 7, as the MC146818 counts. */
  readonly weekday: number;
}

const SECONDS_PER_DAY = 86400;
/** 1970-01-01 was a Thursday. */
const EPOCH_WEEKDAY = 4;

function floorModulo(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus;
}

/** `Date` serves as a pure calendar here; the wall clock is never read. */
export function civilTime(epochSeconds: number): CivilTime {
  const date = new Date(epochSeconds * 1000);
  const days = Math.floor(epochSeconds / SECONDS_PER_DAY);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    weekday: floorModulo(days + EPOCH_WEEKDAY, 7) + 1,
  };
}

/** Seconds since 1970; fields beyond their range carry over (day 31 of a month of 30 days is the next first). */
export function epochSeconds(time: Omit<CivilTime, 'weekday'>): number {
  const date = new Date(0);
  date.setUTCFullYear(time.year, time.month - 1, time.day);
  date.setUTCHours(time.hour, time.minute, time.second);
  return Math.floor(date.getTime() / 1000);
}
