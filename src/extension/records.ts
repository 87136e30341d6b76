// A first look at values of unknown shape, as they come from VS Code and over the wire.

/** Whether a value is an object whose members may be looked at. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
