// The types of stage-extension.mjs, for the tests that use it.
export function stageShadowbox(extensionsDir: string): Promise<string>;
export function stageFolder(extensionsDir: string, source: string): Promise<string>;
export function installVsix(vsix: string, profile: { readonly extensionsDir: string; readonly userDataDir: string }): Promise<void>;
