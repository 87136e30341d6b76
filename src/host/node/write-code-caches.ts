/** What the build runs at its end: writes the code caches of the bundles that are named. */
import { writeCache } from './codeCache';

for (const bundle of process.argv.slice(2)) writeCache(bundle);
