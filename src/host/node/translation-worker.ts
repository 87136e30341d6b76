/** Entry of the worker thread that writes translated code for a monitor context. */
import { TranslationWorkshop } from '../../monitor/engine/translator/writeRegions';
import { believeBranchHints, compileOptimized } from './optimizedCompilation';
import { serveTranslation } from './translationThread';

believeBranchHints();
const workshop = new TranslationWorkshop(compileOptimized);
serveTranslation((order) => workshop.carryOut(order));
