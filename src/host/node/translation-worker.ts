/** Entry of the worker thread that writes translated code for a monitor context. */
import { carryOut } from '../../monitor/engine/translator/writeRegions';
import { serveTranslation } from './translationThread';

serveTranslation(carryOut);
