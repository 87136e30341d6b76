/* Part: hardware interrupts, as many as the serial port makes when each of its characters is announced by one. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/serial.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "../parts.h"

#define CHARACTERS 10000

/* All interrupts of devices so far: what /proc/interrupts says of the lines that have a number. */
static uint32_t interrupts_so_far(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	MUST(file != NULL);
	char line[256];
	uint32_t sum = 0, number, count;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, " %u: %u", &number, &count) == 2) sum += count;
	}
	fclose(file);
	return sum;
}

uint32_t interrupts(void)
{
	int port = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	MUST(port >= 0);
	struct serial_struct settings;
	MUST(ioctl(port, TIOCGSERIAL, &settings) == 0);
	int kind = settings.type;
	/* A 16450 has no queue for what it sends: an interrupt for every character. */
	settings.type = PORT_16450;
	MUST(ioctl(port, TIOCSSERIAL, &settings) == 0);
	static char text[CHARACTERS];
	memset(text, '.', sizeof text);
	uint32_t before = interrupts_so_far();
	for (size_t sent = 0; sent < sizeof text;) {
		ssize_t count = write(port, text + sent, sizeof text - sent);
		MUST(count > 0);
		sent += (size_t)count;
	}
	MUST(tcdrain(port) == 0);
	part_count = interrupts_so_far() - before;
	settings.type = kind;
	MUST(ioctl(port, TIOCSSERIAL, &settings) == 0);
	close(port);
	return sizeof text;
}
