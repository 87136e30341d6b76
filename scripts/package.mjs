// `npm run package`: builds dist/ and packs the extension into a VSIX, which 'Install from VSIX…' installs. Needs no network.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildAll } from './lib/bundles.mjs';
import { root } from './lib/paths.mjs';
import { main, say, step, UserError } from './lib/progress.mjs';
import { buildVsix } from './lib/vsix.mjs';

/** What a person should have to download at most. */
const LARGEST_MB = 5;
/** How many of the largest files are listed. */
const LISTED = 12;

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

await main(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  await step('Building dist/', () => buildAll());
  const { name, archive, files } = await buildVsix();
  const target = path.resolve(values.out ?? path.join(root, name));
  await writeFile(target, archive);
  for (const file of [...files].sort((a, b) => b.data.length - a.data.length).slice(0, LISTED)) say(`  ${megabytes(file.data.length).padStart(8)}  ${file.name}`);
  say(`${target}: ${files.length} files, ${megabytes(files.reduce((sum, { data }) => sum + data.length, 0))}, packed ${megabytes(archive.length)}`);
  if (archive.length > LARGEST_MB * 1e6) throw new UserError(`The package is larger than ${LARGEST_MB} MB.`);
});
