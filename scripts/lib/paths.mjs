// Where things are in a checkout: the one list of paths that the scripts share.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const dist = path.join(root, 'dist');
export const cache = path.join(root, '.cache');
export const samples = path.join(root, 'samples');
export const testResults = path.join(root, 'test-results');
