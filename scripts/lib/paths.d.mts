// The types of paths.mjs, for the tests that use it.
export const root: string;
export const dist: string;
export const cache: string;
export const samples: string;
export const testResults: string;
