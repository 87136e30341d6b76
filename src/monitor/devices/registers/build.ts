/** Short forms for descriptions of registers: by their width. */
import type { FieldDescription, RegisterAccess, RegisterDescription } from '../description';

type Rest = Partial<Pick<RegisterDescription, 'reset' | 'writable' | 'readEffect' | 'fields'>>;

const sized = (bytes: 1 | 2 | 4) => (name: string, title: string, at: number, access: RegisterAccess, rest: Rest = {}): RegisterDescription => ({ name, title, at, bytes, access, ...rest });

export const byte = sized(1);
export const word = sized(2);
export const dword = sized(4);

export function field(name: string, low: number, meaning: string, bits = 1, values?: Readonly<Record<number, string>>): FieldDescription {
  return { name, low, meaning, ...(bits === 1 ? {} : { bits }), ...(values === undefined ? {} : { values }) };
}
