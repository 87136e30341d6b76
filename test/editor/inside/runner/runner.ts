// A tiny extension that runs the suite when VS Code (from npm) has started, and writes the result to a file.
import { renameSync, writeFileSync } from 'node:fs';
import { runSuite } from '../index';
import type { InsideResult } from '../result';
import { RESULT_FILE_VARIABLE } from '../result';

async function resultOrReason(): Promise<InsideResult> {
  try {
    return await runSuite();
  } catch (error) {
    return { passed: [], failed: [{ test: 'the suite itself', error: error instanceof Error ? error.stack ?? error.message : String(error) }], leftOut: [] };
  }
}

export async function activate(): Promise<void> {
  const file = process.env[RESULT_FILE_VARIABLE];
  if (file === undefined) throw new Error(`$${RESULT_FILE_VARIABLE} does not say where the result goes`);
  const result = await resultOrReason();
  // Whoever waits for the file finds it whole.
  writeFileSync(`${file}.part`, JSON.stringify(result));
  renameSync(`${file}.part`, file);
}
