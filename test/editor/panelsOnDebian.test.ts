// Every panel in a real VS Code on Debian's own 64-bit kernel: what it shows, by keys alone, in three themes.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cache, samples } from '../../scripts/lib/paths.mjs';
import { requireTools, run } from '../filesystems/support';
import { LINUX, needGuests } from '../guests/support/testGuests';
import { visitPanels } from './harness/panelVisits';
import { useEditor } from './harness/suite';
import {
  callStack, startDebugging, stopDebugging, typeInDebugConsole, typeInTerminal, waitForStopped, waitForTerminal, waitUntil,
} from './harness/workbench';
import { DEBIAN_VISITS } from './visits/debian';

const KERNEL = path.join(LINUX, 'vmlinuz-amd64');
/** busybox, and the kernel's virtio drivers. */
const INITRD = path.join(LINUX, 'virtio-amd64.cpio');
const NAME = 'debian';
const BOOT_MS = 300_000;

const LAUNCH = {
  version: '0.2.0',
  configurations: [{
    // Without the self-tests of the kernel's cryptography, which are half of a boot; where it lies is the same each time, which keeps pictures alike.
    name: NAME, type: 'shadowbox', request: 'launch', kernel: KERNEL, initrd: INITRD, memory: '256M', cmdline: 'console=tty0 console=ttyS0,115200 cryptomgr.notests nokaslr',
    disks: [{ path: '${workspaceFolder}/files.img', bus: 'virtio' }], serial: 'terminal', stopOnEntry: false,
  }],
};

describe('all panels in a real VS Code, on Debian’s 64-bit kernel', function () {
  this.timeout(90_000);
  // Each test goes on where the one before left the guest.
  this.bail(true);
  const editor = useEditor(async (context, temporary) => {
    needGuests(context, 'kernels', 'virtio');
    requireTools(context, { 'mkfs.ext4': 'e2fsprogs' });
    const folder = await temporary(path.join(cache, 'panels-'));
    await mkdir(path.join(folder, '.vscode'));
    await writeFile(path.join(folder, '.vscode', 'launch.json'), JSON.stringify(LAUNCH));
    run('mkfs.ext4', ['-q', '-F', '-L', 'files', '-d', path.join(samples, 'hello'), path.join(folder, 'files.img'), '16M']);
    return { folder };
  });

  it('boots to a shell, and stops in a function of the kernel when a program reads its disk', async function () {
    this.timeout(BOOT_MS + 60_000);
    const { page } = editor;
    await startDebugging(page, NAME);
    await waitForTerminal(page, /^guest#$/m, BOOT_MS);
    await typeInTerminal(page, 'dmesg -n 1; drivers virtio; while :; do md5sum /dev/vda; done > /dev/null & echo reading\n');
    await waitForTerminal(page, /^reading/m);
    await page.keyboard.press('F6');
    await waitForStopped(page);
    await typeInDebugConsole(page, 'until vfs_read');
    await waitUntil('the call stack', () => callStack(page), ([top]) => top?.name === 'vfs_read');
  });

  visitPanels('debian', editor, DEBIAN_VISITS);

  it('ends', async () => {
    await stopDebugging(editor.page);
  });
});
