/** Code caches of bundles: they change nothing in what a bundle does, whatever has become of their files. Each look is a Node of its own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

/** A bundle that says what it has been given, and where it stands. */
const TEXT = `const path = require('node:path');
const place = () => new Error('here').stack.split('\\n')[1];
function never() { return 'never called'; }
console.log(JSON.stringify([path.basename(__filename), path.basename(__dirname), typeof module.exports, require('./other.js').word, place()]));
if (__filename === '') never();
`;

const SOURCE = fileURLToPath(new URL('../../src/host/node/codeCache.ts', import.meta.url));

describe('a code cache', function () {
  this.timeout(30_000);
  let folder: string;
  let bundle: string;
  let cache: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-cache-'));
    bundle = path.join(folder, 'program.js');
    cache = `${bundle}.cache`;
    writeFileSync(path.join(folder, 'other.js'), "module.exports = { word: 'required' };");
    buildSync({ entryPoints: [SOURCE], outfile: path.join(folder, 'codeCache.cjs'), bundle: true, platform: 'node', format: 'cjs', target: 'node20', logLevel: 'warning' });
  });

  after(() => rmSync(folder, { recursive: true }));

  beforeEach(() => {
    writeFileSync(bundle, TEXT);
    node(`writeCache(${JSON.stringify(bundle)})`);
  });

  /** What a text prints in a Node of its own, which has the functions of codeCache.ts. */
  function node(text: string): string {
    const given = "const { writeCache, compileBundle, runBundle } = require('./codeCache.cjs');";
    return execFileSync(process.execPath, ['-e', `${given} ${text}`], { cwd: folder, encoding: 'utf8' }).trim();
  }

  const isTaken = (before = ''): boolean => node(`${before} console.log(compileBundle(${JSON.stringify(bundle)}).fromCache)`) === 'true';
  const run = (): unknown => JSON.parse(node(`runBundle(${JSON.stringify(bundle)})`));
  const wanted = (place = `${bundle}:2:21`): unknown => ['program.js', path.basename(folder), 'object', 'required', `    at place (${place})`];

  it('is taken, and its bundle has what a module has: names, `require`, and its places in stacks', () => {
    assert.equal(isTaken(), true);
    assert.deepEqual(run(), wanted());
    rmSync(cache);
    assert.equal(isTaken(), false);
    assert.deepEqual(run(), wanted());
  });

  it('has the functions, too, that have never been called, and leaves nothing but itself', () => {
    assert.ok(readFileSync(cache).includes('never called'));
    assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('program')), ['program.js', 'program.js.cache']);
  });

  it('is not taken for another text, even if that is as long', () => {
    writeFileSync(bundle, TEXT.replace('place = () => new', 'place = ( )=> new'));
    assert.equal(isTaken(), false);
    assert.deepEqual(run(), wanted());
  });

  it('does no harm when it is spoilt anywhere, cut off, empty, or another Node\'s', () => {
    const whole = readFileSync(cache);
    for (const at of [0, 20, 260, 400, whole.length >> 1, whole.length - 1]) {
      const bytes = Buffer.from(whole);
      bytes[at] ^= 1;
      writeFileSync(cache, bytes);
      assert.equal(isTaken(), false, `byte ${at}`);
    }
    assert.deepEqual(run(), wanted());
    for (const length of [whole.length - 1, 256, 100, 0]) {
      writeFileSync(cache, whole);
      truncateSync(cache, length);
      assert.equal(isTaken(), false, `${length} bytes`);
    }
    assert.deepEqual(run(), wanted());
    writeFileSync(cache, whole.toString('latin1').replace(process.version, 'v20.99.0'), 'latin1');
    assert.equal(isTaken(), false);
    assert.deepEqual(run(), wanted());
  });

  it('is V8\'s to refuse where its flags are others', () => {
    assert.equal(isTaken("require('node:v8').setFlagsFromString('--no-liftoff');"), false);
  });

  it('is left alone where source maps are wanted, which Node reads for what it loads itself', () => {
    const text = `runBundle(${JSON.stringify(bundle)}); console.log(Object.keys(require.cache).some((file) => file.endsWith('program.js')))`;
    assert.match(node(text), /^false/m);
    assert.match(node(`process.setSourceMapsEnabled(true); ${text}`), /^true/m);
  });
});
