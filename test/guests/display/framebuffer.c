/* PID 1 of a Linux guest: loads the modules that the kernel's command line lists, draws on /dev/fb0 and says so on the console. */
#include <fcntl.h>
#include <linux/fb.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const modules[] = {
	"fb_sys_fops", "sysfillrect", "syscopyarea", "sysimgblt", "drm", "drm_kms_helper", "ttm", "drm_ttm_helper", "drm_vram_helper", "bochs",
};

static unsigned char image[4 << 20];

static void load(const char *name)
{
	char path[64];
	snprintf(path, sizeof path, "/modules/%s.ko", name);
	int fd = open(path, O_RDONLY);
	long bytes = fd < 0 ? -1 : read(fd, image, sizeof image);
	if (bytes <= 0 || syscall(SYS_init_module, image, bytes, "") != 0)
		printf("could not load %s: %m\n", name);
	close(fd);
}

int main(void)
{
	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	setvbuf(stdout, NULL, _IONBF, 0);
	for (unsigned i = 0; i < sizeof modules / sizeof *modules; i++)
		load(modules[i]);
	int fd = open("/dev/fb0", O_RDWR);
	struct fb_var_screeninfo var;
	struct fb_fix_screeninfo fix;
	if (fd < 0 || ioctl(fd, FBIOGET_VSCREENINFO, &var) || ioctl(fd, FBIOGET_FSCREENINFO, &fix)) {
		printf("there is no frame buffer: %m\n");
		pause();
	}
	unsigned char *memory = mmap(NULL, fix.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (unsigned y = 0; y < var.yres; y++)
		for (unsigned x = 0; x < var.xres; x++)
			*(unsigned *)(memory + y * fix.line_length + x * 4) = (x & 255) << 16 | (y & 255) << 8 | ((x ^ y) & 255);
	/* A shadow of the frame buffer is copied by a worker: once more, and some time for it. */
	msync(memory, fix.smem_len, MS_SYNC);
	sleep(1);
	printf("drawn %s %ux%u at %u bits\n", fix.id, var.xres, var.yres, var.bits_per_pixel);
	for (;;)
		pause();
}
