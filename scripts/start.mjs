// `npm start`: does all the set-up, then opens the samples in an editor with Shadowbox loaded: the user's
// own VS Code where its `code` command is installed, else VS Code from npm, in the browser.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { extensionsDir, startEditor } from './lib/editor.mjs';
import { cache, root, samples } from './lib/paths.mjs';
import { main, say, UserError } from './lib/progress.mjs';
import { setUp } from './lib/set-up.mjs';
import { stageShadowbox } from './lib/stage-extension.mjs';

const HELP = `npm start -- [options]
  --browser=code   the VS Code that is installed here (its command 'code' must be on the PATH)
  --browser=npm    VS Code from npm, served to a web browser on this machine
                   (without --browser: 'code' where there is one, else npm)
  --port=N         the port of VS Code from npm (default: a free one)
  --no-open        set up and serve, but open no window
  --help           this text`;

function readOptions() {
  const { values } = parse();
  if (values.browser !== undefined && values.browser !== 'code' && values.browser !== 'npm') {
    throw new UserError(`--browser is 'code' or 'npm', not '${values.browser}'.`);
  }
  const port = Number(values.port ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new UserError(`--port is a number from 0 to 65535, not '${values.port}'.`);
  }
  return { help: values.help, browser: values.browser, port, open: !values['no-open'] };
}

function parse() {
  try {
    return parseArgs({
      options: {
        browser: { type: 'string' },
        port: { type: 'string' },
        'no-open': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UserError(`${error.message}\n${HELP}`);
  }
}

/** Whether a command is on the PATH. */
function have(command) {
  const finder = process.platform === 'win32' ? 'where' : 'which';
  return spawnSync(finder, [command], { stdio: 'ignore' }).status === 0;
}

/** What the editor shows first: what the folder is, and where to begin. */
const FIRST_FILE = path.join(samples, 'README.md');
/** In VS Code from npm, where a window begins with no file; it heeds this setting only as the user's own. */
const SERVED_SETTINGS = { 'workbench.startupEditor': 'readme' };

function openInCode(open) {
  const args = [`--extensionDevelopmentPath=${root}`, samples, FIRST_FILE];
  if (!open) {
    say(`Set up. The editor opens with:\n  code ${args.join(' ')}`);
    return;
  }
  say('Opening the samples in VS Code; F5 there boots a guest.');
  const { status, error } = spawnSync('code', args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) {
    throw new UserError(`'code' ${error === undefined ? `ended with status ${status}` : `could not be started (${error.message})`}. \`npm start -- --browser=npm\` does without it.`);
  }
}

/** Opens a browser window where there is a screen to open it on; the address is printed in any case. */
function openBrowser(url) {
  const screen = process.platform !== 'linux' || Boolean(process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY);
  if (!screen) return;
  const opener = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[process.platform] ?? ['xdg-open'];
  if (!have(opener[0])) return;
  const child = spawn(opener[0], [...opener.slice(1), url], { stdio: 'ignore', detached: true });
  child.on('error', (error) => say(`(No browser was opened: ${error.message})`));
  child.unref();
}

async function serve(port, open) {
  const profile = path.join(cache, 'vscode', 'profile');
  await stageShadowbox(extensionsDir(profile));
  const editor = await startEditor({ folder: samples, profile, port, settings: SERVED_SETTINGS });
  const stop = () => { void editor.stop(); };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  say(`Open ${editor.url} in a browser (Ctrl+C ends it)`);
  if (open) openBrowser(editor.url);
  await editor.ended;
}

await main(async () => {
  const options = readOptions();
  if (options.help) {
    say(HELP);
    return;
  }
  const browser = options.browser ?? (have('code') ? 'code' : 'npm');
  if (browser === 'code' && !have('code')) {
    throw new UserError("There is no command 'code' on the PATH (in VS Code: 'Shell Command: Install code command in PATH'). `npm start -- --browser=npm` does without it.");
  }
  await setUp();
  if (!existsSync(samples)) throw new UserError(`${samples} is missing; is the clone complete?`);
  if (browser === 'code') openInCode(options.open);
  else await serve(options.port, options.open);
});
