/** Builds the one form of loader failure: what is wrong, then what to do about it. */
import { LoadError } from './platform';

/**
 * @param field configuration field that the message is about ('kernel', 'initrd', ...)
 * @param what what is wrong, as a whole sentence
 * @param remedy what to do about it, as a whole sentence
 */
export function loadError(field: string, what: string, remedy: string): LoadError {
  return new LoadError(`${what} ${remedy}`, field);
}
