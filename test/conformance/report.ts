/** What the conformance run says: a line a family, and the states side by side where they differ. */
import type { FailedVector, FamilyResult } from './familyRun';

/** The line of a family: passed and failed. */
export function familyLine(result: FamilyResult): string {
  return `${result.family.padEnd(16)} ${result.passed} passed, ${result.failed.length} failed`;
}

/** The states of a failed vector side by side; lines that differ are marked. */
export function sideBySide(failure: FailedVector): string {
  const { vector, difference } = failure;
  const title = `  vector ${failure.number}: ${vector.d}   [${vector.b}]   (${failure.model} segments)`;
  const rows = [
    { name: '', before: 'before', expected: 'expected', actual: 'ours', differs: false },
    ...difference,
  ];
  const width = (column: 'name' | 'before' | 'expected' | 'actual'): number => Math.max(...rows.map((row) => row[column].length));
  const [name, before, expected, actual] = [width('name'), width('before'), width('expected'), width('actual')];
  const lines = rows.map((row) =>
    `  ${row.differs ? '*' : ' '} ${row.name.padEnd(name)}  ${row.before.padStart(before)}  ${row.expected.padStart(expected)}  ${row.actual.padStart(actual)}`,
  );
  return [title, ...lines].join('\n');
}

/** The last line. */
export function totalLine(passed: number, failed: number): string {
  return `${passed} passed, ${failed} failed`;
}
