/** Rock Ridge (IEEE P1282) and the fields of system use areas (SUSP, P1281) that it is made of. */
import { be32, latin1, le32, utf8 } from './fields';
import type { IsoDisc } from './isoDirectory';
import { recordTime } from './isoDirectory';
import type { ByteSource } from './source';

/** What Rock Ridge says of a record. */
export interface RockRidge {
  readonly name?: string;
  readonly mode?: number;
  readonly modified?: number;
  /** Where a symbolic link points. */
  readonly link?: string;
  /** Block of the directory that was moved elsewhere from here. */
  readonly child?: number;
  /** This directory was moved here from elsewhere, where it is to be seen. */
  readonly relocated?: true;
}

interface Field {
  readonly name: string;
  readonly data: Uint8Array;
}

/** Continuations of one area: more are a circle. */
const MOST_CONTINUATIONS = 32;

/** The fields of an area, continuations followed. */
async function fieldsOf({ source, blockBytes }: Pick<IsoDisc, 'source' | 'blockBytes'>, area: Uint8Array): Promise<readonly Field[]> {
  const fields: Field[] = [];
  let rest: Uint8Array | undefined = area;
  for (let continuations = 0; rest !== undefined && continuations <= MOST_CONTINUATIONS; continuations++) {
    let next: Field | undefined;
    for (let at = 0; at + 4 <= rest.length && rest[at + 2] >= 4 && at + rest[at + 2] <= rest.length; at += rest[at + 2]) {
      const field: Field = { name: latin1(rest.subarray(at, at + 2)), data: rest.subarray(at + 4, at + rest[at + 2]) };
      if (field.name === 'ST') break;
      if (field.name === 'CE' && field.data.length >= 24) next = field;
      else fields.push(field);
    }
    rest = next === undefined ? undefined : await source.read(le32(next.data, 0) * blockBytes + le32(next.data, 8), Math.min(le32(next.data, 16), blockBytes));
  }
  return fields;
}

/** Whether the root directory's own record says that there are such areas ('SP'), and Rock Ridge's fields in them. */
export async function hasRockRidge(source: ByteSource, root: number, rootBytes: number): Promise<{ readonly skip: number } | undefined> {
  if (rootBytes < 34) return undefined;
  const record = await source.read(root, Math.min(2048, rootBytes));
  const area = record.subarray(34, Math.max(34, Math.min(record[0], record.length)));
  if (area.length < 7 || latin1(area.subarray(0, 2)) !== 'SP' || area[4] !== 0xbe || area[5] !== 0xef) return undefined;
  const fields = await fieldsOf({ source, blockBytes: 2048 }, area);
  return fields.some(({ name }) => name === 'RR' || name === 'PX' || name === 'ER') ? { skip: area[6] } : undefined;
}

const NAME_IS = { current: 2, parent: 4 } as const;
const PART_IS = { goesOn: 1, current: 2, parent: 4, root: 8 } as const;

/** What the system use area of a record says. */
export async function readRockRidge(disc: IsoDisc, area: Uint8Array): Promise<RockRidge> {
  const fields = await fieldsOf(disc, area);
  const data = (name: string): Uint8Array | undefined => fields.find((field) => field.name === name)?.data;
  const names = fields.filter(({ name, data: { length } }) => name === 'NM' && length > 0).map((field) => field.data);
  const link = fields.filter(({ name }) => name === 'SL').map((field) => field.data);
  const mode = data('PX'), child = data('CL'), times = data('TF');
  const modified = times === undefined ? undefined : modifiedOf(times);
  return {
    ...(names.length === 0 || (names[0][0] & (NAME_IS.current | NAME_IS.parent)) !== 0 ? {} : { name: utf8(joined(names.map((each) => each.subarray(1)))) }),
    ...(mode === undefined || mode.length < 4 ? {} : { mode: le32(mode, 0) & 0xffff }),
    ...(modified === undefined ? {} : { modified }),
    ...(link.length === 0 ? {} : { link: linkOf(link) }),
    ...(child === undefined || child.length < 8 || be32(child, 4) !== le32(child, 0) ? {} : { child: le32(child, 0) }),
    ...(data('RE') === undefined ? {} : { relocated: true as const }),
  };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** Times are there one after the other by the bits of a mask: creation, modification, ... The short form only. */
function modifiedOf(times: Uint8Array): number | undefined {
  const mask = times[0];
  if ((mask & 2) === 0 || (mask & 0x80) !== 0) return undefined;
  const at = 1 + ((mask & 1) !== 0 ? 7 : 0);
  return at + 7 <= times.length ? recordTime(times.subarray(at, at + 7)) : undefined;
}

/** A path out of its components; one may go on in the next. */
function linkOf(fields: readonly Uint8Array[]): string {
  const names: string[] = [];
  let begun: Uint8Array[] = [];
  for (const field of fields) {
    for (let at = 1; at + 2 <= field.length; at += 2 + field[at + 1]) {
      const flags = field[at];
      if ((flags & PART_IS.root) !== 0) names.push('');
      else if ((flags & PART_IS.current) !== 0) names.push('.');
      else if ((flags & PART_IS.parent) !== 0) names.push('..');
      else {
        begun.push(field.subarray(at + 2, at + 2 + field[at + 1]));
        if ((flags & PART_IS.goesOn) !== 0) continue;
        names.push(utf8(joined(begun)));
        begun = [];
      }
    }
  }
  return names.length === 1 && names[0] === '' ? '/' : names.join('/');
}
