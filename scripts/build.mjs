// Builds dist/ (`npm run build`): see lib/bundles.mjs. `--force` rebuilds even when nothing has changed.
import { parseArgs } from 'node:util';
import { buildAll } from './lib/bundles.mjs';
import { main, step } from './lib/progress.mjs';

await main(async () => {
  const { values } = parseArgs({ options: { force: { type: 'boolean', default: false } } });
  await step('Building dist/', () => buildAll({ force: values.force }));
});
