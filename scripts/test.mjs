// Runs every test (`npm test`), after all the set-up that they need; `npm test -- unit guests` runs only some parts.
// Ends in the line 'N passed, N failed' (', N skipped' when there are any); the exit status is 1 when something failed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { root, testResults } from './lib/paths.mjs';
import { main, secondsSince, UserError } from './lib/progress.mjs';
import { setUp } from './lib/set-up.mjs';

/** Folders of test/ that are a part of their own; all others together are the part 'unit'. */
const OWN_PARTS = ['conformance', 'guests', 'debugger', 'editor'];
/** What belongs to one stage runs side by side, so many programs at a time; parts that measure time have a stage of their own. */
const STAGES = [
  { parts: ['typecheck', 'lint'], sideBySide: 2 },
  { parts: ['conformance', 'guests', 'unit'], sideBySide: 2 },
  { parts: ['debugger'], sideBySide: 1 },
  { parts: ['editor'], sideBySide: 1 },
];
/**
 * Parts of many minutes are cut into so many pieces, each with every sixth or fourth file; a suite in the editor ends with its first failure,
 * which is to end no other one: each file is a piece.
 */
const PIECES = { guests: 6, unit: 4, editor: Infinity };
/** A piece that takes longer is ended and counts as failed. */
const LONGEST_PIECE_MS = 30 * 60 * 1000;
/** Time for one test that does not set its own, in milliseconds. */
const TEST_TIMEOUT_MS = 20_000;
const HEARTBEAT_MS = 30_000;

const bin = (packageName, file) => path.join(root, 'node_modules', packageName, file);

/** What every check that is a single program counts as: one test. */
const PROGRAMS = {
  typecheck: [bin('typescript', 'bin/tsc'), '--noEmit', '--pretty', 'false', '-p', '.'],
  lint: [bin('eslint', 'bin/eslint.js'), '--no-warn-ignored', '.'],
};

/** Runs Node with these arguments. What it prints is shown when it ends, in one piece, since parts run side by side. */
function runNode(name, args) {
  return new Promise((resolve) => {
    const start = performance.now();
    let output = '';
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, FORCE_COLOR: '0' } });
    const heartbeat = setInterval(() => console.log(`  still at it: ${name} (${secondsSince(start)})`), HEARTBEAT_MS);
    let overtime = false;
    const limit = setTimeout(() => { overtime = true; child.kill('SIGKILL'); }, LONGEST_PIECE_MS);
    const end = (fault) => {
      clearInterval(heartbeat);
      clearTimeout(limit);
      resolve({ output: output.trimEnd(), fault, seconds: secondsSince(start) });
    };
    child.stdout.on('data', (chunk) => { output += chunk; });
    child.stderr.on('data', (chunk) => { output += chunk; });
    child.on('error', (error) => end(error.message));
    child.on('close', (status, signal) => {
      if (overtime) end(`took longer than ${LONGEST_PIECE_MS / 60_000} minutes`);
      else end(status === 0 ? undefined : `ended with ${signal ?? `status ${status}`}`);
    });
  });
}

function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`;
}

function showPart(name, results, { output, seconds }) {
  console.log(`${name}: ${summary(results)} (${seconds})`);
  if (output !== '') console.log(output);
}

async function runProgram(name) {
  const ended = await runNode(name, PROGRAMS[name]);
  const failed = ended.fault === undefined ? 0 : 1;
  const results = { passed: 1 - failed, failed, skipped: [] };
  showPart(name, results, ended);
  return results;
}

async function testFilesUnder(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts')).map((entry) => path.join(entry.parentPath, entry.name)).sort();
}

async function testFiles(part) {
  const test = path.join(root, 'test');
  if (part !== 'unit') return testFilesUnder(path.join(test, part));
  const folders = (await readdir(test, { withFileTypes: true })).filter((entry) => entry.isDirectory() && !OWN_PARTS.includes(entry.name));
  return (await Promise.all(folders.map(({ name }) => testFilesUnder(path.join(test, name))))).flat();
}

/** What the reporter left behind; undefined when the part did not come to its end. */
async function readResults(file) {
  return existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : undefined;
}

/** What is to be run of a part, as functions that give its results. */
async function jobsOf(part) {
  if (part in PROGRAMS) return [() => runProgram(part)];
  const files = await testFiles(part);
  const pieces = Math.min(PIECES[part] ?? 1, Math.max(files.length, 1));
  return Array.from({ length: pieces }, (_, piece) => {
    const name = pieces === 1 ? part : `${part} ${piece + 1} of ${pieces}`;
    return () => runMocha(name, files.filter((_file, i) => i % pieces === piece));
  });
}

async function runMocha(name, files) {
  if (files.length === 0) {
    console.log(`${name}: 0 passed, 1 failed\n  FAILED: there is no test file in this part`);
    return { passed: 0, failed: 1, skipped: [] };
  }
  const output = path.join(testResults, `${name.replaceAll(' ', '-')}.json`);
  await rm(output, { force: true });
  const ended = await runNode(name, [
    '--import', 'tsx', bin('mocha', 'bin/mocha.js'), '--exit', '--timeout', String(TEST_TIMEOUT_MS),
    '--reporter', path.join(root, 'scripts', 'lib', 'mocha-results.cjs'), '--reporter-option', `output=${output}`,
    ...files.map((file) => path.relative(root, file)),
  ]);
  const found = await readResults(output);
  const results = found ?? { passed: 0, failed: 1, skipped: [] };
  // A part that failed without saying where has failed all the same.
  if (ended.fault !== undefined && results.failed === 0) results.failed = 1;
  if (found === undefined) ended.output += `\n  FAILED: ${name} ${ended.fault ?? 'ended without results'}`;
  showPart(name, results, ended);
  return results;
}

/** Runs jobs, so many at a time, in their order. */
async function runSideBySide(jobs, atOnce) {
  const waiting = [...jobs];
  const results = [];
  const lane = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) results.push(await job());
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}

async function chosenParts(words) {
  const all = STAGES.flatMap((stage) => stage.parts);
  const unknown = words.find((word) => !all.includes(word));
  if (unknown !== undefined) throw new UserError(`there is no part '${unknown}' of the tests; parts: ${all.join(', ')}`);
  return words.length === 0 ? all : words;
}

await main(async () => {
  const start = performance.now();
  const parts = await chosenParts(process.argv.slice(2));
  await setUp();
  await mkdir(testResults, { recursive: true });
  const total = { passed: 0, failed: 0, skipped: [] };
  for (const stage of STAGES) {
    const wanted = stage.parts.filter((part) => parts.includes(part));
    const jobs = (await Promise.all(wanted.map(jobsOf))).flat();
    for (const results of await runSideBySide(jobs, stage.sideBySide)) {
      total.passed += results.passed;
      total.failed += results.failed;
      total.skipped.push(...results.skipped);
    }
  }
  if (total.skipped.length > 0) console.log(`\nSkipped:\n${total.skipped.map((title) => `  ${title}`).join('\n')}`);
  console.log(`\nAll parts took ${secondsSince(start)}.`);
  console.log(summary(total));
  process.exitCode = total.failed > 0 ? 1 : 0;
});
