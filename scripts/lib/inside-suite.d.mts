// The types of inside-suite.mjs, for the tests that use it.
export function buildInsideSuite(): Promise<{ readonly suite: string; readonly runner: string }>;
export function buildMeter(): Promise<string>;
