/** What the build runs last: writes the modules that every machine needs to the file that is named. */
import { writeFileSync } from 'node:fs';
import { writeModules } from '../../monitor/engine/writtenModules';

const [, , file] = process.argv;
if (file === undefined) throw new Error('write-modules wants the name of a file');
writeFileSync(file, writeModules());
