// The VSIX: what an installed Shadowbox consists of, as a ZIP that VS Code installs ('[Content_Types].xml',
// 'extension.vsixmanifest' and the extension itself in extension/; the form that VS Code's gallery tools write).
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './paths.mjs';
import { UserError } from './progress.mjs';
import { zip } from './zip.mjs';

/** Files and folders that go in, and which of the files below them. Everything else in the checkout stays out. */
const CONTENTS = [
  { from: 'package.nls.json' },
  { from: 'README.md' },
  { from: 'LICENSE' },
  { from: 'l10n', wanted: /\.json$/ },
  { from: 'media', wanted: /\.(png|svg)$/ },
  // The command line's program and maps for our own stack traces are for checkouts; code caches are for the Node that built them, which is not the editor's.
  { from: 'dist', wanted: /^(?!cli(?:-others)?\.js$|.*\.(?:map|cache)$|\.stamp$)/ },
  // Those of the README.
  { from: 'docs/images', wanted: /^(paging-lab|debian)\.png$/ },
  { from: 'samples/README.md' },
  { from: 'samples/.vscode', wanted: /\.json$/ },
  { from: 'samples/debian-i386', wanted: /\.md$/ },
  { from: 'samples/hello', wanted: /\.(asm|ld|elf|img|md)$/ },
  { from: 'samples/paging-lab', wanted: /\.(c|h|s|ld|elf|md)$/ },
];

/** Files that say something else in the copy of the samples that a person gets: there is no checkout around it, and its README is what they read first. */
const SHIPPED_OTHERWISE = {
  'samples/.vscode/launch.json': (text) => text
    .replaceAll('${workspaceFolder}/../.cache/guests/debian-i386/', '${workspaceFolder}/debian-i386/')
    .replace('The files are fetched by `npm start`, or as debian-i386/README.md says.', 'Its two files are to be put there first: see debian-i386/README.md.'),
  'samples/.vscode/settings.json': (text) => text.replace('{', '{\n  "workbench.startupEditor": "readme",'),
};

/** What must be there, or the extension would not run. */
const NEEDED = ['dist/extension.js', 'dist/adapter.js', 'dist/start.js', 'dist/monitor-worker.js', 'dist/machine-modules.bin', 'dist/iced-x86/iced_x86_bg.wasm'];

/** Members of package.json that mean something in a checkout only. */
const CHECKOUT_ONLY = ['scripts', 'devDependencies', 'private', 'bin'];

const MEDIA_TYPES = {
  '.vsixmanifest': 'text/xml', '.json': 'application/json', '.js': 'application/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.md': 'text/markdown',
  '.png': 'image/png', '.svg': 'image/svg+xml', '.txt': 'text/plain',
};
const OTHER_TYPE = 'application/octet-stream';

const xml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

async function filesOf({ from, wanted }) {
  const place = path.join(root, from);
  if (!existsSync(place)) throw new UserError(`${from} is missing; is the clone complete?`);
  if (wanted === undefined) return [from];
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile())
    .map((entry) => path.relative(place, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .filter((file) => wanted.test(file))
    .map((file) => `${from}/${file}`);
}

/** The words of a package.json's member, which may be a key of package.nls.json. */
function worded(text, words) {
  return text.startsWith('%') ? words[text.slice(1, -1)] ?? text : text;
}

function vsixManifest(manifest, words) {
  const { name, publisher, version, engines, displayName, description, categories = [], extensionKind = [], icon } = manifest;
  const property = (id, value) => `      <Property Id="${id}" Value="${xml(value)}" />`;
  const asset = (type, file) => `    <Asset Type="${type}" Path="extension/${file}" Addressable="true" />`;
  return `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="${xml(name)}" Version="${xml(version)}" Publisher="${xml(publisher)}" />
    <DisplayName>${xml(worded(displayName, words))}</DisplayName>
    <Description xml:space="preserve">${xml(worded(description, words))}</Description>
    <Tags></Tags>
    <Categories>${xml(categories.join(','))}</Categories>
    <GalleryFlags>Public</GalleryFlags>
    <Properties>
${property('Microsoft.VisualStudio.Code.Engine', engines.vscode)}
${property('Microsoft.VisualStudio.Code.ExtensionDependencies', '')}
${property('Microsoft.VisualStudio.Code.ExtensionPack', '')}
${property('Microsoft.VisualStudio.Code.ExtensionKind', extensionKind.join(','))}
    </Properties>
    <License>extension/LICENSE</License>
    <Icon>extension/${xml(icon)}</Icon>
  </Metadata>
  <Installation>
    <InstallationTarget Id="Microsoft.VisualStudio.Code" />
  </Installation>
  <Dependencies />
  <Assets>
${asset('Microsoft.VisualStudio.Code.Manifest', 'package.json')}
${asset('Microsoft.VisualStudio.Services.Content.Details', 'README.md')}
${asset('Microsoft.VisualStudio.Services.Content.License', 'LICENSE')}
${asset('Microsoft.VisualStudio.Services.Icons.Default', xml(icon))}
  </Assets>
</PackageManifest>
`;
}

function contentTypes(names) {
  const extensions = [...new Set(names.map((name) => path.posix.extname(name)).filter((extension) => extension !== ''))].sort();
  const lines = extensions.map((extension) => `  <Default Extension="${extension}" ContentType="${MEDIA_TYPES[extension] ?? OTHER_TYPE}" />`);
  // What has no extension is named one by one.
  const overrides = names.filter((name) => path.posix.extname(name) === '').map((name) => `  <Override PartName="/${name}" ContentType="text/plain" />`);
  return `<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
${[...lines, ...overrides].join('\n')}
</Types>
`;
}

/** package.json as it is shipped. */
function shippedManifest(manifest) {
  return Object.fromEntries(Object.entries(manifest).filter(([name]) => !CHECKOUT_ONLY.includes(name)));
}

/**
 * The extension's files as dist/ is built now.
 * @returns {Promise<{name: string, data: Buffer}[]>} names from the extension's root, sorted
 * @throws {UserError} when something that it needs to run is missing
 */
export async function extensionFiles() {
  const missing = NEEDED.find((file) => !existsSync(path.join(root, file)));
  if (missing !== undefined) throw new UserError(`${missing} is missing; \`npm run build\` makes it.`);
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const names = (await Promise.all(CONTENTS.map(filesOf))).flat();
  const files = await Promise.all(names.map(async (name) => {
    const data = await readFile(path.join(root, name));
    return { name, data: name in SHIPPED_OTHERWISE ? Buffer.from(SHIPPED_OTHERWISE[name](data.toString('utf8'))) : data };
  }));
  files.push({ name: 'package.json', data: Buffer.from(`${JSON.stringify(shippedManifest(manifest), undefined, 2)}\n`) });
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The VSIX as bytes.
 * @returns {Promise<{name: string, archive: Buffer, files: {name: string, data: Buffer}[]}>} its usual file name; its files as in the archive
 */
export async function buildVsix() {
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const words = JSON.parse(await readFile(path.join(root, 'package.nls.json'), 'utf8'));
  const files = (await extensionFiles()).map(({ name, data }) => ({ name: `extension/${name}`, data }));
  files.unshift({ name: 'extension.vsixmanifest', data: Buffer.from(vsixManifest(manifest, words)) });
  files.unshift({ name: '[Content_Types].xml', data: Buffer.from(contentTypes(files.map(({ name }) => name))) });
  return { name: `${manifest.name}-${manifest.version}.vsix`, archive: zip(files), files };
}
