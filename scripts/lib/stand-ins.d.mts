// The types of stand-ins.mjs, for the tests that use it.
export const fixtureWorkspace: string;
export function buildStandIns(): Promise<Record<string, string>>;
