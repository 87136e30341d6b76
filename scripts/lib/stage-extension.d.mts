// The types of stage-extension.mjs, for the tests that use it.
export function stageShadowbox(extensionsDir: string, replacements?: Readonly<Record<string, string>>): Promise<string>;
export function stageFolder(extensionsDir: string, source: string): Promise<string>;
