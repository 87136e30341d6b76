// The types of vscode-install.mjs, for the tests that use it.
export function ensureVsCode(): Promise<{ readonly node: string; readonly entry: string }>;
