/** package.json: what it contributes is implemented, has words that can be translated, and stands where it belongs. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { codeTexts } from '../../scripts/lib/codeTexts';
import { root } from '../../scripts/lib/paths.mjs';
import { externalised, internalised, type JsonObject, type Texts } from '../../scripts/lib/manifestTexts';
import { ALL_PANELS } from '../../src/extension/panels/definitions';

interface MenuEntry { readonly command?: string; readonly submenu?: string; readonly when?: string; readonly group?: string }
interface Step { readonly id: string; readonly media: { readonly svg?: string; readonly image?: string; readonly markdown?: string }; readonly completionEvents?: readonly string[]; readonly description: string }
interface Manifest {
  readonly activationEvents: readonly string[];
  readonly icon: string;
  readonly capabilities: { readonly untrustedWorkspaces: { readonly supported: unknown; readonly description: string; readonly restrictedConfigurations?: readonly string[] } };
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly category?: string; readonly title: string; readonly icon?: string }[];
    readonly menus: Readonly<Record<string, readonly MenuEntry[]>>;
    readonly submenus: readonly { readonly id: string; readonly label: string }[];
    readonly keybindings: readonly { readonly command: string; readonly key: string; readonly mac?: string; readonly when?: string }[];
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly description?: string; readonly markdownDescription?: string; readonly default?: unknown }>> };
    readonly configurationDefaults: { readonly 'workbench.editor.autoLockGroups': Readonly<Record<string, boolean>> };
    readonly walkthroughs: readonly { readonly steps: readonly Step[] }[];
  };
}

const read = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8')) as JsonObject;
const keyed = read('package.json');
const words = read('package.nls.json') as unknown as Texts;
const manifest = internalised(keyed, words) as unknown as Manifest;
const { commands, menus, submenus, keybindings } = manifest.contributes;

const EXTENSION = path.join(root, 'src', 'extension');
const sources = readdirSync(EXTENSION, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8')).join('\n');
const known = new Set(commands.map(({ command }) => command));
const titleOf = (id: string) => commands.find(({ command }) => command === id)?.title;
const entriesOf = (menu: string) => menus[menu] ?? [];
/** Menus whose entries are drawn as icons: a command without one would be drawn as its whole title. */
const drawnAsIcons = (menu: string, { group }: MenuEntry) => menu === 'debug/toolBar' || group?.startsWith('navigation') === true || group?.startsWith('inline') === true;
/** Commands that do nothing without what a menu gives them. */
const takesArgument = (command: string) => /OfVariable$|Variable$|\.machine[A-Z]/.test(command);

describe('package.json', () => {
  describe('commands', () => {
    it('each is registered by the extension, once in the list, with a title in our category', () => {
      assert.equal(known.size, commands.length, 'a command is listed twice');
      for (const { command, title, category } of commands) {
        assert.ok(sources.includes(`'${command}'`), `${command} is implemented nowhere in src/extension`);
        assert.equal(category, 'Shadowbox', command);
        assert.match(title, /^[A-Z]/, command);
      }
    });

    it('no two that the palette shows have one title', () => {
      const hidden = new Set(entriesOf('commandPalette').filter(({ when }) => when === 'false').map(({ command }) => command));
      const titles = commands.filter(({ command }) => !hidden.has(command)).map(({ title }) => title);
      assert.deepEqual(titles.filter((title, i) => titles.indexOf(title) !== i), []);
    });

    it('those that need an argument are not in the palette', () => {
      const hidden = new Set(entriesOf('commandPalette').filter(({ when }) => when === 'false').map(({ command }) => command));
      const needing = commands.map(({ command }) => command).filter(takesArgument);
      assert.ok(needing.length > 5);
      assert.deepEqual(needing.filter((command) => !hidden.has(command)), []);
    });
  });

  describe('menus', () => {
    it('hold only commands and submenus that there are', () => {
      for (const [menu, entries] of Object.entries(menus)) {
        for (const { command, submenu } of entries) {
          if (command !== undefined) assert.ok(known.has(command), `${menu}: ${command}`);
          if (submenu !== undefined) assert.ok(submenus.some(({ id }) => id === submenu), `${menu}: ${submenu}`);
        }
      }
      for (const { id } of submenus) assert.ok(entriesOf(id).length > 0, `the submenu ${id} is empty`);
    });

    it('have an icon where they are drawn as icons', () => {
      for (const [menu, entries] of Object.entries(menus)) {
        for (const entry of entries.filter((each) => drawnAsIcons(menu, each))) {
          assert.match(commands.find(({ command }) => command === entry.command)?.icon ?? '', /^\$\([\w-]+\)$/, `${menu}: ${entry.command}`);
        }
      }
    });

    it('the debug toolbar has one icon of ours: all panels are behind it', () => {
      assert.deepEqual(entriesOf('debug/toolBar').map(({ command }) => command), ['shadowbox.showPanel']);
    });

    it('what is in menus of all debuggers is shown for our guests only', () => {
      const shared = Object.entries(menus).filter(([menu]) => menu.startsWith('debug/') || menu.startsWith('editor/context'));
      for (const [menu, entries] of shared) for (const { when, command } of entries) assert.match(when ?? '', /debugType == 'shadowbox'/, `${menu}: ${command}`);
    });
  });

  describe('keys', () => {
    const isInOurView = ({ when = '' }: { readonly when?: string }): boolean => when.startsWith('focusedView == shadowbox.');

    it('are those of trees in our own view, while a line of it has the keyboard', () => {
      const inView = keybindings.filter(isInOurView);
      assert.deepEqual(inView.map(({ key }) => key), ['enter', 'f2', 'delete', 'space']);
      for (const { command, when } of inView) {
        assert.ok(known.has(command), command);
        assert.equal(when, 'focusedView == shadowbox.machines && listFocus && !inputFocus', command);
      }
    });

    it('elsewhere are chords with a form for macOS, and mean something only while a guest of ours is there', () => {
      assert.ok(keybindings.length > 0);
      for (const { command, key, mac, when } of keybindings.filter((each) => !isInOurView(each))) {
        assert.ok(known.has(command), command);
        assert.match(key, /^\S+ \S+$/, `${command}: one key alone would be taken from somebody`);
        assert.match(mac ?? '', /^cmd/, command);
        assert.match(when ?? '', /debugType == 'shadowbox'/, command);
      }
    });

    it('are in the documentation', () => {
      const page = readFileSync(path.join(root, 'docs', 'editor.md'), 'utf8').toLowerCase();
      for (const { key, command } of keybindings) assert.ok(page.includes(key), `docs/editor.md does not say '${key}' (${command})`);
    });
  });

  describe('panels', () => {
    for (const { name, viewType, command, title } of ALL_PANELS) {
      it(`${title}: activation event, command, sources, and a place in the menu of panels`, () => {
        assert.ok(manifest.activationEvents.includes(`onWebviewPanel:${viewType}`), 'it would not come back after a reload');
        assert.equal(titleOf(command), `Show ${title}`);
        assert.ok(existsSync(path.join(root, 'webviews', name, 'main.ts')));
        // VS Code knows a webview's tab by this prefix. In a group that is not locked the next stop's source would cover the panel.
        assert.equal(manifest.contributes.configurationDefaults['workbench.editor.autoLockGroups'][`mainThreadWebview-${viewType}`], true);
        assert.ok(entriesOf('shadowbox.panels').some((entry) => entry.command === command), 'it is not in the menu shadowbox.panels');
      });
    }

    it('each has a reducer that is tested without a page', () => {
      const folder = path.join(root, 'test', 'webviews');
      const tests = readdirSync(folder).filter((name) => name.endsWith('.test.ts')).map((name) => readFileSync(path.join(folder, name), 'utf8')).join('\n');
      const tested = [...tests.matchAll(/import \{[^}]*\breduce\b[^}]*\} from '..\/..\/webviews\/([\w-]+)\//g)].map(([, name]) => name);
      assert.deepEqual(ALL_PANELS.map(({ name }) => name).filter((name) => !tested.includes(name)), []);
    });

    it('no activation event is left over', () => {
      const events = manifest.activationEvents.filter((event) => event.startsWith('onWebviewPanel:')).map((event) => event.slice('onWebviewPanel:'.length));
      assert.deepEqual([...events].sort(), ALL_PANELS.map(({ viewType }) => viewType).sort());
    });
  });

  describe('words', () => {
    it('of the manifest are all in package.nls.json, and it has no others (else npm run contributions)', () => {
      const again = externalised(keyed, words);
      assert.deepEqual(again.manifest, keyed);
      assert.deepEqual(again.texts, words);
    });

    it('of the code and of the panels are all in l10n/bundle.l10n.json (else npm run contributions)', () => {
      assert.deepEqual(read(path.join('l10n', 'bundle.l10n.json')), codeTexts(EXTENSION, path.join(root, 'webviews')));
    });

    it('none stands in a style sheet, where nothing translates it', () => {
      const webviews = path.join(root, 'webviews');
      const sheets = readdirSync(webviews, { recursive: true, withFileTypes: true }).filter(({ name }) => name.endsWith('.css')).map(({ parentPath, name }) => path.join(parentPath, name));
      assert.ok(sheets.length > 10);
      const words = sheets.flatMap((sheet) => [...readFileSync(sheet, 'utf8').matchAll(/content:\s*(['"]).*?\1/g)].map(([text]) => `${path.relative(webviews, sheet)}: ${text}`));
      assert.deepEqual(words.filter((text) => /['"].*\p{L}{2}/u.test(text.replaceAll(/\\[0-9a-f]+/gi, ''))), []);
    });

    it('are those of the status bar, too', () => {
      const known = Object.keys(read(path.join('l10n', 'bundle.l10n.json')));
      assert.deepEqual(['real mode', 'virtual-8086', '16-bit', '32-bit', 'compatibility', '64-bit', 'running', 'stopped: {0}'].filter((text) => !known.includes(text)), []);
    });

    it('no message to a person goes past the translation', () => {
      const untranslated = sources.match(/show(Information|Warning|Error)Message\(\s*(['"]|`(?!\$\{)).*/g) ?? [];
      assert.deepEqual(untranslated, []);
    });
  });

  describe('settings', () => {
    it('have a description and a default, and are read somewhere', () => {
      const properties = Object.entries(manifest.contributes.configuration.properties);
      assert.ok(properties.length > 0);
      for (const [name, { description, markdownDescription, default: initial }] of properties) {
        assert.ok((description ?? markdownDescription ?? '').length > 20, name);
        assert.notEqual(initial, undefined, name);
        assert.match(name, /^shadowbox\./);
        assert.ok(sources.includes(`'${name.slice('shadowbox.'.length)}'`), `${name} is read nowhere`);
      }
    });

    it('a folder that is not trusted cannot set what is restricted', () => {
      const { supported, description, restrictedConfigurations = [] } = manifest.capabilities.untrustedWorkspaces;
      assert.equal(supported, 'limited');
      assert.ok(description.length > 20);
      for (const name of restrictedConfigurations) assert.ok(Object.hasOwn(manifest.contributes.configuration.properties, name), name);
    });
  });

  describe('the walkthrough', () => {
    const steps = manifest.contributes.walkthroughs.flatMap((walkthrough) => walkthrough.steps);

    it('has four to six steps', () => {
      assert.equal(manifest.contributes.walkthroughs.length, 1);
      assert.ok(steps.length >= 4 && steps.length <= 6, String(steps.length));
    });

    it('each step has its picture and is done by an event', () => {
      for (const { id, media, completionEvents = [] } of steps) {
        const picture = media.svg ?? media.image ?? media.markdown ?? '';
        assert.ok(existsSync(path.join(root, picture)), `${id}: ${picture}`);
        assert.ok(completionEvents.length > 0, id);
      }
    });

    it('its buttons call commands that there are', () => {
      const called = steps.flatMap(({ description }) => [...description.matchAll(/\(command:([\w.]+)/g)].map(([, command]) => command));
      assert.ok(called.length > 3);
      for (const command of called) assert.ok(known.has(command) || command.startsWith('workbench.'), command);
    });

    it('its pictures take their colours from the theme', () => {
      for (const { id, media: { svg } } of steps) {
        if (svg === undefined) continue;
        const text = readFileSync(path.join(root, svg), 'utf8');
        assert.match(text, /var\(--vscode-/, id);
        assert.doesNotMatch(text, /#[0-9a-f]{3,8}\b/i, `${id} has a colour of its own`);
      }
    });
  });
});
