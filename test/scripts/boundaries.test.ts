/** The lint rules that hold the house plan's arrows: each forbidden import is found, each allowed one is not. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** The rules that look at imports; others may say what they like about these snippets. */
const IMPORT_RULES = ['import-x/no-restricted-paths', '@typescript-eslint/no-restricted-imports', 'no-restricted-globals', 'no-restricted-properties'];

describe('the arrows between rooms', function () {
  this.timeout(60_000);
  this.slow(10_000);
  let eslint: ESLint;

  before(() => { eslint = new ESLint({ cwd: checkout }); });

  /** Lints a text in the place of an existing file, since the type information knows only those. */
  async function complaints(file: string, text: string): Promise<(string | null)[]> {
    const [result] = await eslint.lintText(text, { filePath: path.join(checkout, file) });
    assert.ok(!result.messages.some(({ fatal }) => fatal === true), JSON.stringify(result.messages));
    return result.messages.map(({ ruleId }) => ruleId).filter((ruleId) => ruleId !== null && IMPORT_RULES.includes(ruleId));
  }

  const forbidden: readonly (readonly [string, string])[] = [
    ['src/monitor/devices/device.ts', "export * from '../../host/protocol';"],
    ['src/monitor/devices/device.ts', "export type { StopReport } from '../machine/runnable';"],
    ['src/monitor/devices/device.ts', "export { readFileSync } from 'node:fs';"],
    ['src/monitor/devices/device.ts', "export { Decoder } from 'iced-x86';"],
    ['src/monitor/devices/device.ts', 'export const time = Date.now();'],
    ['src/monitor/devices/device.ts', 'export const time = performance.now();'],
    ['src/monitor/memory/layout.ts', "export * from '../cpu/layout';"],
    ['src/monitor/firmware/platform.ts', "export * from '../machine/configuration';"],
    ['src/host/pace.ts', "export * from '../monitor/memory/layout';"],
    ['src/host/pace.ts', "export * from '../cli/status';"],
    ['src/host/pace.ts', "export * from 'vscode';"],
    ['src/keyboard/usLayout.ts', "export * from '../host/pace';"],
    ['src/keyboard/usLayout.ts', "export { readFileSync } from 'node:fs';"],
    ['src/monitor/devices/device.ts', "export * from '../../keyboard/usLayout';"],
    ['src/cli/status.ts', "export * from '../monitor/memory/layout';"],
    ['src/extension/main.ts', "export * from '../monitor/machine/session';"],
    ['src/extension/main.ts', "export * from '../host/protocol';"],
    ['debugger/ports.ts', "export * from '../src/host/protocol';"],
    ['debugger/ports.ts', "export * from '../src/monitor/memory/layout';"],
  ];
  for (const [file, text] of forbidden) {
    it(`forbid in ${file}: ${text}`, async () => assert.equal((await complaints(file, text)).length, 1));
  }

  const allowed: readonly (readonly [string, string])[] = [
    ['src/monitor/devices/device.ts', "export type { StopReport } from '../machine/session';"],
    ['src/monitor/cpu/layout.ts', "export * from '../memory/layout';"],
    ['src/host/pace.ts', "export type { RunnableMachine } from '../monitor/machine/runnable'; export { readFileSync } from 'node:fs';"],
    ['webviews/screen/usLayout.ts', "export * from '../../src/keyboard/usLayout';"],
    ['src/cli/status.ts', "export * from '../monitor/machine/configuration'; export * from '../host/pace'; export * from '../../debugger/ports';"],
    ['src/extension/main.ts', "export * from 'vscode'; export * from '../../debugger/panelProtocol';"],
    ['debugger/ports.ts', "export type { StopReport } from '../src/monitor/machine/session'; export type { CpuState } from '../src/monitor/inspection/queries';"],
    ['test/host/fakeMachine.ts', "export * from '../../src/monitor/memory/layout';"],
  ];
  for (const [file, text] of allowed) {
    it(`allow in ${file}: ${text}`, async () => assert.deepEqual(await complaints(file, text), []));
  }
});
