// Sets up a fresh clone (`npm run setup`; `npm start` and `npm test` do it by themselves): see lib/set-up.mjs.
import { main } from './lib/progress.mjs';
import { setUp } from './lib/set-up.mjs';

await main(setUp);
