/** The package that people install: everything that runs is in it, nothing else, in a ZIP that others can read, and small. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { inflateRawSync, crc32 } from 'node:zlib';
import { buildAll } from '../../scripts/lib/bundles.mjs';
import { buildVsix } from '../../scripts/lib/vsix.mjs';
import { zip } from '../../scripts/lib/zip.mjs';

const LARGEST_BYTES = 5e6;

/** A reader of its own, by the archive's directory (APPNOTE 4.3.12) and each file's header (4.3.7). */
function unzipped(archive: Buffer): Map<string, Buffer> {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const files = new Map<string, Buffer>();
  let at = archive.readUInt32LE(end + 16);
  for (let i = 0; i < archive.readUInt16LE(end + 10); i++) {
    assert.equal(archive.toString('latin1', at, at + 4), 'PK\x01\x02');
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    const local = archive.readUInt32LE(at + 42);
    assert.equal(archive.toString('latin1', local, local + 4), 'PK\x03\x04');
    const begin = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const data = inflateRawSync(archive.subarray(begin, begin + archive.readUInt32LE(at + 20)));
    assert.equal(data.length, archive.readUInt32LE(at + 24), name);
    assert.equal(crc32(data), archive.readUInt32LE(at + 16), name);
    files.set(name, data);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return files;
}

describe('zip', () => {
  it('keeps names in any script, empty files, and bytes that do not compress', () => {
    const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24));
    const files = [{ name: 'a/ü.txt', data: Buffer.from('x'.repeat(1000)) }, { name: 'empty', data: Buffer.alloc(0) }, { name: 'noise', data: noise }];
    assert.deepEqual([...unzipped(zip(files))], files.map(({ name, data }) => [name, data]));
  });

  it('is the same for the same files', () => {
    const files = [{ name: 'a', data: Buffer.from('one') }];
    assert.deepEqual(zip(files), zip(files));
  });
});

describe('the package (VSIX)', function () {
  this.timeout(60_000);
  let archive: Buffer;
  let files: Map<string, Buffer>;
  const text = (name: string) => files.get(name)?.toString('utf8') ?? '';
  const within = (folder: string) => [...files.keys()].filter((name) => name.startsWith(`extension/${folder}`)).map((name) => name.slice('extension/'.length));

  before(async () => {
    await buildAll();
    ({ archive } = await buildVsix());
    files = unzipped(archive);
  });

  it('is under 5 MB', () => {
    console.log(`      ${files.size} files, ${([...files.values()].reduce((sum, { length }) => sum + length, 0) / 1e6).toFixed(2)} MB, packed ${(archive.length / 1e6).toFixed(2)} MB`);
    assert.ok(archive.length < LARGEST_BYTES, String(archive.length));
  });

  it('has what VS Code reads first', () => {
    assert.deepEqual([...files.keys()].slice(0, 2), ['[Content_Types].xml', 'extension.vsixmanifest']);
    assert.match(text('extension.vsixmanifest'), /<Identity Language="en-US" Id="shadowbox" Version="[\d.]+" Publisher="shadowbox" \/>/);
    assert.doesNotMatch(text('extension.vsixmanifest'), />%/, 'a key instead of words');
    for (const [, asset] of text('extension.vsixmanifest').matchAll(/Path="([^"]+)"/g)) assert.ok(files.has(asset), asset);
    const extensions = [...files.keys()].filter((name) => name !== '[Content_Types].xml').map((name) => /\.\w+$/.exec(name)?.[0]).filter((extension) => extension !== undefined);
    for (const extension of new Set(extensions)) assert.ok(text('[Content_Types].xml').includes(`Extension="${extension}"`), extension);
  });

  it('has all that runs', () => {
    const bundles = within('dist/').filter((name) => !name.startsWith('dist/webviews/'));
    assert.deepEqual(bundles.sort(), [
      'dist/adapter.js', 'dist/extension.js', 'dist/iced-x86/LICENSE.txt', 'dist/iced-x86/iced_x86.js', 'dist/iced-x86/iced_x86_bg.wasm',
      'dist/machine-modules.bin', 'dist/monitor-worker.js', 'dist/start.js', 'dist/storage-worker.js', 'dist/translation-worker.js',
    ]);
    const webviews = within('dist/webviews/');
    assert.ok(webviews.length >= 12);
    for (const name of webviews.filter((each) => each.endsWith('.js'))) assert.ok(webviews.includes(name.replace(/\.js$/, '.css')), name);
    for (const name of ['README.md', 'LICENSE', 'package.json', 'package.nls.json', 'l10n/bundle.l10n.json']) assert.ok(files.has(`extension/${name}`), name);
  });

  it('has every worker and module that a bundle asks for beside itself', () => {
    for (const name of within('dist/').filter((each) => /^dist\/[\w-]+\.js$/.test(each))) {
      const asked = [...text(`extension/${name}`).matchAll(/["']\.\/([\w-]+(?:\/[\w-]+)*\.js)["']/g)].map(([, file]) => file);
      for (const file of asked) assert.ok(files.has(`extension/dist/${file}`), `${name} asks for ${file}`);
    }
  });

  it('has the pictures that the manifest and the README name', () => {
    const manifest = text('extension/package.json');
    const named = [...manifest.matchAll(/"(media\/[^"]+)"/g), ...text('extension/README.md').matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, file]) => file);
    assert.ok(named.length > 5);
    for (const file of named) assert.ok(files.has(`extension/${file}`), file);
  });

  it('has samples that can be booted, with their sources', () => {
    const samples = within('samples/');
    for (const name of ['samples/.vscode/launch.json', 'samples/hello/hello.img', 'samples/hello/hello.asm', 'samples/paging-lab/paging-lab.elf', 'samples/paging-lab/paging.c']) assert.ok(samples.includes(name), name);
  });

  it('has samples that name nothing outside of themselves', () => {
    const outside = [...text('extension/samples/.vscode/launch.json').matchAll(/"\$\{workspaceFolder\}\/([^"]+)"/g)].map(([, file]) => file).filter((file) => file.startsWith('..'));
    assert.deepEqual(outside, []);
    const links = within('samples/').filter((name) => name.endsWith('.md')).flatMap((page) => (
      [...text(`extension/${page}`).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => path.posix.join(path.posix.dirname(page), link))
    ));
    assert.ok(links.length >= 3);
    assert.deepEqual(links.filter((link) => !files.has(`extension/${link}`)), []);
  });

  it('talks to nobody: only the guest\'s own network, in the adapter, opens sockets', () => {
    const NETWORK_MODULE = /require\(["'`](?:node:)?(net|dgram|dns|dns\/promises|tls|http|https|http2)["'`]\)/g;
    const WEB_CALL = /(?<![.#\w$])(?:fetch\s*\((?![^()]*\)\s*\{)|new (?:XMLHttpRequest|WebSocket|EventSource)\b)|\bsendBeacon\b|\bcreateTelemetryLogger\b|\bglobalThis\.fetch\b/;
    const bundles = within('dist/').filter((name) => name.endsWith('.js') && !name.startsWith('dist/iced-x86/'));
    assert.ok(bundles.includes('dist/extension.js') && bundles.includes('dist/webviews/screen.js'), bundles.join());
    // A method of that name is none of the web's.
    const modules = bundles.flatMap((name) => [...text(`extension/${name}`).matchAll(NETWORK_MODULE)].map(([, module]) => `${name} ${module}`));
    assert.deepEqual([...new Set(modules)].sort(), ['dist/adapter.js dgram', 'dist/adapter.js dns', 'dist/adapter.js dns/promises', 'dist/adapter.js net']);
    assert.deepEqual(bundles.filter((name) => WEB_CALL.test(text(`extension/${name}`))), []);
    // Names of formats, which nobody loads. Long strings go on in the next line.
    const addresses = bundles.flatMap((name) => text(`extension/${name}`).replaceAll('\\\n', '').match(/\bhttps?:\/\/[\w.-]+/g) ?? []);
    assert.deepEqual([...new Set(addresses)].sort(), ['http://sourceware.org', 'http://www.w3.org']);
  });

  it('has no sources, tests, caches, maps, nor anything of a checkout', () => {
    const strange = [...files.keys()].filter((name) => /(^|\/)(src|test|debugger|node_modules|\.cache|bench|scripts)\/|\.(ts|mts|map|log|tsbuildinfo)$|\.stamp$|cli\.js$/.test(name));
    assert.deepEqual(strange, []);
    const manifest = JSON.parse(text('extension/package.json')) as Record<string, unknown>;
    assert.deepEqual(['scripts', 'devDependencies', 'private', 'bin', 'dependencies'].filter((name) => name in manifest), []);
  });
});
