/** Linux's bochs-drm on our display: what a program draws on /dev/fb0 is the picture of the screen. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { boot, GUESTS } from './harness';

const PROGRAM = fileURLToPath(new URL('display/framebuffer.c', import.meta.url));
const INSTALLER = path.join(GUESTS, 'debian-i386');
const MODULES = ['fb_sys_fops', 'sysfillrect', 'syscopyarea', 'sysimgblt', 'drm', 'drm_kms_helper', 'ttm', 'drm_ttm_helper', 'drm_vram_helper', 'bochs'];

/** A kernel and a graphics driver take a while where much else is done. */
const PATIENCE_MS = 200_000;

/** An initial RAM file system: our program as /init, and the modules out of the installer's. */
function buildInitrd(folder: string): string {
  const installer = path.join(folder, 'installer');
  const shell = (script: string): void => { execFileSync('sh', ['-ec', script], { cwd: folder }); };
  shell(`mkdir installer && cd installer && zcat '${path.join(INSTALLER, 'initrd.gz')}' | cpio -id --quiet '*.ko'`);
  const { status, stderr } = spawnSync('gcc', ['-m32', '-static', '-O1', '-o', path.join(folder, 'init'), PROGRAM], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  shell(`mkdir -p root/modules root/dev && cp init root/init && for m in ${MODULES.join(' ')}; do find '${installer}' -name "$m.ko" -exec cp {} root/modules/ ';'; done`);
  // The kernel opens /dev/console before anything is mounted.
  shell('mknod root/dev/console c 5 1 && cd root && find . | cpio -o -H newc --quiet > ../initrd');
  return path.join(folder, 'initrd');
}

describe('Linux on the linear frame buffer', function () {
  this.timeout(PATIENCE_MS + 30_000);

  it('draws by bochs-drm what the screen shows', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-framebuffer-'));
    try {
      const initrd = buildInitrd(folder);
      const guest = await boot({ kernel: path.join(INSTALLER, 'linux'), initrd, cmdline: 'console=ttyS0 vt.global_cursor_default=0', memory: '128M' });
      guest.patience = PATIENCE_MS;
      guest.waitForSerial(/drawn .*\r?\n/);
      assert.match(guest.serial, /drawn bochs.* 1024x768 at 32 bits/);
      const { width, height, aspect, pixels, change } = guest.machine.picture();
      assert.deepEqual([width, height, aspect], [1024, 768, 1024 / 768]);
      assert.ok(pixels);
      let wrong = 0;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const at = 4 * (y * width + x);
          if (pixels[at] !== (x & 255) || pixels[at + 1] !== (y & 255) || pixels[at + 2] !== ((x ^ y) & 255) || pixels[at + 3] !== 255) wrong++;
        }
      }
      assert.equal(wrong, 0);
      assert.equal(guest.machine.picture(change).pixels, undefined, 'nothing has changed since');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
