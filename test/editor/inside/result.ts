// How the suite inside the extension host tells the outside what came of it: types only, and the names both know.
export interface Failure {
  readonly test: string;
  /** The error's stack or message. */
  readonly error: string;
}

/** Full titles of the tests, by how they ended. */
export interface InsideResult {
  readonly passed: readonly string[];
  readonly failed: readonly Failure[];
  readonly leftOut: readonly string[];
}

/** The environment variable that names the file for the result, as JSON. */
export const RESULT_FILE_VARIABLE = 'SHADOWBOX_INSIDE_RESULT';
