/** Entry of the worker thread that writes translated code for a monitor context. */
import { TranslationWorkshop } from '../../monitor/engine/translator/writeRegions';
import { compileHot, compileOptimized } from './optimizedCompilation';
import { letOthersGoFirst } from './threadPriority';
import { serveTranslation } from './translationThread';

letOthersGoFirst();
const workshop = new TranslationWorkshop(compileOptimized, compileHot);
serveTranslation((order) => workshop.carryOut(order));
