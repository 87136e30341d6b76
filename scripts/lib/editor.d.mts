// The types of editor.mjs, for the tests that use it.
export interface RunningEditor {
  readonly url: string;
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}
export interface EditorOptions {
  readonly folder: string;
  readonly profile: string;
  readonly port?: number;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly asksForTrust?: boolean;
  readonly idleSeconds?: number;
}
export function startEditor(options: EditorOptions): Promise<RunningEditor>;
export function extensionsDir(profile: string): string;
