/** What the build runs at its end: writes the code caches of the bundles that are named, for threads as launch.ts starts them. */
import { writeCache } from './codeCache';
import { believeBranchHints } from './optimizedCompilation';

believeBranchHints();
for (const bundle of process.argv.slice(2)) writeCache(bundle);
