// The suite that runs inside the extension host. Both ways to run it come here: @vscode/test-electron calls
// `run` (npm run test:electron), in VS Code from npm the extension in runner/ does.
import type { Failure, InsideResult } from './result';

/** The suite's files; each describes its tests when it is loaded, which must be after Mocha has put its globals there. */
const FILES = [
  () => import('./activation'),
  () => import('./configuration'),
  () => import('./editorParts'),
  () => import('./session'),
  () => import('./disks'),
];

const TIMEOUT_MS = 20_000;

/** Runs the whole suite and says how each test ended; a failing test is an answer, not an error. */
export async function runSuite(): Promise<InsideResult> {
  const { default: Mocha } = await import('mocha');
  const mocha = new Mocha({ ui: 'bdd', timeout: TIMEOUT_MS, reporter: 'spec', color: false });
  mocha.suite.emit('pre-require', globalThis, '', mocha);
  for (const load of FILES) await load();
  const passed: string[] = [];
  const failed: Failure[] = [];
  const leftOut: string[] = [];
  await new Promise<void>((resolve) => {
    mocha.run(() => { resolve(); })
      .on('pass', (test) => { passed.push(test.fullTitle()); })
      .on('fail', (test, error: unknown) => {
        failed.push({ test: test.fullTitle(), error: error instanceof Error ? error.stack ?? error.message : String(error) });
      })
      .on('pending', (test) => { leftOut.push(test.fullTitle()); });
  });
  return { passed, failed, leftOut };
}

/**
 * What @vscode/test-electron calls.
 * @throws Error when a test failed, or there was none
 */
export async function run(): Promise<void> {
  const { passed, failed } = await runSuite();
  if (failed.length > 0) throw new Error(`${failed.length} tests inside VS Code failed:\n${failed.map(({ test, error }) => `${test}: ${error}`).join('\n')}`);
  if (passed.length === 0) throw new Error('no test ran inside VS Code');
}
