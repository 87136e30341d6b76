/**
 * What VS Code puts on a webview's page for three themes: body class and the variables that the panels use.
 */
export interface Theme {
  readonly bodyClass: string;
  /** The panel's words are in the language of pseudo.ts. */
  readonly pseudo?: boolean;
  readonly variables: Readonly<Record<string, string>>;
}

const FONTS = {
  'font-family': 'DejaVu Sans, sans-serif', 'font-size': '13px', 'editor-font-family': 'DejaVu Sans Mono, monospace', 'editor-font-size': '13px',
};

export const DARK: Theme = {
  bodyClass: 'vscode-dark',
  variables: {
    ...FONTS, foreground: '#cccccc', descriptionForeground: '#9d9d9d', 'editor-background': '#1f1f1f', 'editorWidget-background': '#202020', 'widget-border': '#313131',
    'panel-border': '#2b2b2b', focusBorder: '#0078d4', 'charts-blue': '#59a4f9', 'charts-purple': '#b180d7', 'charts-orange': '#d18616', 'charts-yellow': '#cca700',
    'charts-green': '#89d185', 'charts-red': '#f14c4c', errorForeground: '#f85149', 'list-hoverBackground': '#2a2d2e', 'list-activeSelectionBackground': '#04395e',
    'list-activeSelectionForeground': '#ffffff', 'list-inactiveSelectionBackground': '#37373d', 'input-background': '#313131', 'input-foreground': '#cccccc',
    'input-border': '#3c3c3c', 'input-placeholderForeground': '#989898', 'dropdown-background': '#313131', 'dropdown-foreground': '#cccccc', 'dropdown-border': '#3c3c3c',
    'button-background': '#0078d4', 'button-foreground': '#ffffff', 'button-hoverBackground': '#026ec1', 'badge-background': '#616161', 'badge-foreground': '#f8f8f8',
    'icon-foreground': '#cccccc', 'toolbar-hoverBackground': '#5a5d5e50', 'tree-indentGuidesStroke': '#585858',
  },
};

export const LIGHT: Theme = {
  bodyClass: 'vscode-light',
  variables: {
    ...FONTS, foreground: '#3b3b3b', descriptionForeground: '#3b3b3bb3', 'editor-background': '#ffffff', 'editorWidget-background': '#f8f8f8', 'widget-border': '#e5e5e5',
    'panel-border': '#e5e5e5', focusBorder: '#005fb8', 'charts-blue': '#1a85ff', 'charts-purple': '#652d90', 'charts-orange': '#d18616', 'charts-yellow': '#bf8803',
    'charts-green': '#388a34', 'charts-red': '#e51400', errorForeground: '#f85149', 'list-hoverBackground': '#f2f2f2', 'list-activeSelectionBackground': '#e8e8e8',
    'list-activeSelectionForeground': '#000000', 'list-inactiveSelectionBackground': '#e4e6f1', 'input-background': '#ffffff', 'input-foreground': '#3b3b3b',
    'input-border': '#cecece', 'input-placeholderForeground': '#767676', 'dropdown-background': '#ffffff', 'dropdown-foreground': '#3b3b3b', 'dropdown-border': '#cecece',
    'button-background': '#005fb8', 'button-foreground': '#ffffff', 'button-hoverBackground': '#0258a8', 'badge-background': '#cccccc', 'badge-foreground': '#3b3b3b',
    'icon-foreground': '#3b3b3b', 'toolbar-hoverBackground': '#b8b8b850', 'tree-indentGuidesStroke': '#a9a9a9',
  },
};

export const HIGH_CONTRAST: Theme = {
  bodyClass: 'vscode-high-contrast',
  variables: {
    ...FONTS, foreground: '#ffffff', descriptionForeground: '#ffffffb3', 'editor-background': '#000000', 'editorWidget-background': '#0c141f', contrastBorder: '#6fc3df',
    contrastActiveBorder: '#f38518', focusBorder: '#f38518', 'charts-blue': '#3794ff', 'charts-purple': '#b180d7', 'charts-orange': '#d18616', 'charts-yellow': '#ffd370',
    'charts-green': '#89d185', 'charts-red': '#f48771', errorForeground: '#f48771', 'input-background': '#000000', 'input-foreground': '#ffffff', 'input-border': '#6fc3df',
    'input-placeholderForeground': '#ffffffb3', 'dropdown-background': '#000000', 'dropdown-foreground': '#ffffff', 'dropdown-border': '#6fc3df',
    'button-background': '#000000', 'button-foreground': '#ffffff', 'button-border': '#6fc3df', 'badge-background': '#000000', 'badge-foreground': '#ffffff',
    'icon-foreground': '#ffffff', 'tree-indentGuidesStroke': '#a9a9a9',
  },
};

/** For what is on the page in English though it should be in the person's language. */
export const PSEUDO: Theme = { ...DARK, pseudo: true };
