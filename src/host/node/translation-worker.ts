/** Entry of the worker thread that writes translated code for a monitor context. */
import { TranslationWorkshop } from '../../monitor/engine/translator/writeRegions';
import { serveTranslation } from './translationThread';

const workshop = new TranslationWorkshop();
serveTranslation((order) => workshop.carryOut(order));
