// What the linter holds: strict TypeScript, and the house plan's arrows (who may import whom, docs/architecture.md).
import path from 'node:path';
import importX, { createNodeResolver } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const root = import.meta.dirname;

/** Files of the monitor that every room of it may know: types, and the two error classes that carry blame. */
const CONTRACTS = [
  'src/monitor/machine/session.ts', 'src/monitor/machine/stops.ts', 'src/monitor/machine/blame.ts', 'src/monitor/inspection/queries.ts',
  'src/monitor/devices/device.ts', 'src/monitor/firmware/platform.ts',
];

/** What the monitor declares for its host. */
const HOST_INTERFACES = [
  ...CONTRACTS, 'src/monitor/machine/configuration.ts', 'src/monitor/machine/configurationNetwork.ts', 'src/monitor/machine/images.ts', 'src/monitor/machine/runnable.ts',
  'src/monitor/engine/translator/order.ts', 'src/monitor/engine/translator/orderMessage.ts',
  'src/monitor/disks/blockStore.ts',
];

const MONITOR_ROOMS = ['machine', 'isa', 'engine', 'cpu', 'memory', 'devices', 'firmware', 'disks', 'partition', 'snapshot', 'inspection'];

/** The arrows inside the monitor: each room may import itself, the contracts, and these. */
const MONITOR_ARROWS = {
  // The machine puts all parts together and answers questions about them.
  machine: MONITOR_ROOMS,
  engine: ['isa', 'cpu', 'memory'],
  isa: [],
  cpu: ['memory'],
  memory: [],
  devices: [],
  firmware: [],
  disks: [],
  partition: ['memory'],
  snapshot: ['memory', 'cpu', 'disks'],
  // Answers are read off the structures themselves.
  inspection: ['cpu', 'memory', 'engine', 'isa'],
};

/** The arrows between the rooms outside: folder → what it may import besides itself. Tests, benchmarks and scripts may import all. */
const ARROWS = {
  ...Object.fromEntries(MONITOR_ROOMS.map((room) => [
    `src/monitor/${room}`, [...CONTRACTS, ...MONITOR_ARROWS[room].map((other) => `src/monitor/${other}`)],
  ])),
  // Read-only file systems: helpers for fields and identifiers are the image formats' own.
  'src/filesystems': ['src/monitor/disks/image.ts'],
  // What everybody knows who types into a guest.
  'src/keyboard': [],
  'src/host': [...HOST_INTERFACES, 'src/keyboard'],
  'src/cli': ['src/monitor/machine', 'src/monitor/disks', 'src/host', 'debugger', ...CONTRACTS, 'package.json'],
  'src/extension': ['debugger', 'src/filesystems', 'src/monitor/disks', 'src/host/node/fileAccess.ts', 'src/monitor/machine/blame.ts', 'src/monitor/firmware/detect.ts'],
  debugger: ['src/monitor/inspection', 'src/monitor/machine', 'src/monitor/devices/device.ts', 'src/filesystems'],
  // Message types, and how a text is typed.
  webviews: ['src/extension/panels/messages.ts', 'src/extension/disks/messages.ts', 'src/filesystems/report.ts', 'debugger/panelProtocol.ts', 'src/monitor/inspection/queries.ts', 'src/keyboard'],
};

/** The files outside the monitor that know what runs in it: entries of the threads in which a machine lives, its code is translated, and its disks are served. */
const MONITOR_WORKERS = ['src/host/node/monitor-worker.ts', 'src/host/node/translation-worker.ts', 'src/host/node/storage-worker.ts', 'src/host/node/write-modules.ts'];

const zones = Object.entries(ARROWS).map(([folder, allowed]) => ({
  target: path.join(root, folder),
  from: root,
  except: [...new Set(['node_modules', folder, ...allowed])],
  message: `${folder} may import itself${allowed.length > 0 ? ` and ${allowed.join(', ')}` : ''}: see docs/architecture.md.`,
}));

const VSCODE = { name: 'vscode', message: 'Only src/extension knows VS Code.' };
const NO_PACKAGES = { regex: '^[^.]', message: 'The monitor imports nothing outside itself: no packages, no Node API.' };
const NO_NODE = { regex: '^node:', message: 'This runs in a browser: no Node API.' };

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', '.vscode-test/', 'test-results/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  {
    files: ['**/*.ts', '**/*.mts'],
    extends: [tseslint.configs.strict],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.mts', '.js', '.mjs', '.json'] })] },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'max-lines': ['warn', { max: 500, skipBlankLines: true, skipComments: true }],
      'import-x/no-restricted-paths': ['error', { zones }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-floating-promises': 'error',
      // Handlers that may or may not be asynchronous are `void | Promise<void>`.
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-restricted-imports': ['error', { paths: [VSCODE] }],
    },
  },
  {
    files: ['src/monitor/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [NO_PACKAGES] }],
      // Time is counted in retired instructions, and nothing in the guest may depend on chance (invariant 1).
      'no-restricted-globals': ['error', 'process', 'Buffer', 'require', 'window', 'document', 'performance', 'setTimeout', 'setInterval', 'setImmediate'],
      'no-restricted-properties': ['error', { object: 'Date', property: 'now' }, { object: 'Math', property: 'random' }],
    },
  },
  { files: ['src/filesystems/**', 'src/keyboard/**'], rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: [VSCODE], patterns: [NO_PACKAGES] }] } },
  { files: ['webviews/**'], rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: [VSCODE], patterns: [NO_NODE] }] } },
  { files: ['src/extension/**', 'test/editor/**', 'test/extension/**'], rules: { '@typescript-eslint/no-restricted-imports': 'off' } },
  { files: MONITOR_WORKERS, rules: { 'import-x/no-restricted-paths': 'off' } },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    rules: { eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error', 'no-unused-vars': 'error', 'no-undef': 'off' },
  },
);
