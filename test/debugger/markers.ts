/**
 * Marker comments in guest sources: a test names the line that it means (`// marker: loop`) instead of counting.
 */
import { readFileSync } from 'node:fs';

const MARKER = /(?:\/\/|\/\*|;|#)\s*marker:\s*([\w-]+)/g;

/** Line numbers (from 1) by marker name, in the text of a source (C, NASM and GNU assembler comments). */
export function markersIn(text: string): Map<string, number> {
  const found = new Map<string, number>();
  text.split('\n').forEach((line, index) => {
    for (const [, name] of line.matchAll(MARKER)) {
      if (found.has(name)) throw new Error(`the marker '${name}' stands twice: in lines ${found.get(name)} and ${index + 1}`);
      found.set(name, index + 1);
    }
  });
  return found;
}

/** The line of one marker in a source file. Error when it is not there. */
export function markerLine(path: string, name: string): number {
  const line = markersIn(readFileSync(path, 'utf8')).get(name);
  if (line === undefined) throw new Error(`there is no 'marker: ${name}' in ${path}`);
  return line;
}
