// Inside VS Code: the workspace's launch.json is understood.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { folder } from './workspace';

describe('configuration', () => {
  it('launch.json offers its configurations under our type', () => {
    const configurations = vscode.workspace.getConfiguration('launch', folder().uri).get<readonly vscode.DebugConfiguration[]>('configurations');
    assert.ok(configurations !== undefined && configurations.length > 0);
    assert.deepEqual([...new Set(configurations.map(({ type }) => type))], ['shadowbox']);
  });
});
