/** Entry of our threads as dist/ has them: runs the bundle whose path is the thread's first argument, with its code cache. */
import { runBundle } from './codeCache';

const [, , bundle] = process.argv;
if (bundle === undefined) throw new Error('start wants the path of a bundle');
runBundle(bundle);
