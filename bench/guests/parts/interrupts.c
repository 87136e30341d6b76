/* Part: hardware interrupts, by a serial port that is asked again and again to say that it has nothing to send. */
#include <fcntl.h>
#include <sys/io.h>
#include <termios.h>
#include <unistd.h>
#include "../parts.h"

#define ROUNDS 50000

/* The first serial port's interrupt enable register (16550 data sheet, 8.5), and its bit "transmitter holding register empty". */
#define INTERRUPT_ENABLE 0x3f9
#define TRANSMITTER_EMPTY 0x02

/* All interrupts of devices so far, but the timer's (line 0): what /proc/interrupts says of the lines that have a number. */
static uint32_t interrupts_so_far(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	MUST(file != NULL);
	char line[256];
	uint32_t sum = 0, number, count;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, " %u: %u", &number, &count) == 2 && number != 0) sum += count;
	}
	fclose(file);
	return sum;
}

/*
 * The kernel's driver has the port open and finds nothing to do. Enabling the interrupt while the transmitter is empty raises it at once;
 * the handler acknowledges it by reading what it is about.
 */
uint32_t interrupts(void)
{
	int port = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	MUST(port >= 0 && tcdrain(port) == 0);
	uint32_t before = interrupts_so_far();
	MUST(ioperm(INTERRUPT_ENABLE, 1, 1) == 0);
	uint8_t enabled = inb(INTERRUPT_ENABLE);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		outb(enabled | TRANSMITTER_EMPTY, INTERRUPT_ENABLE);
		for (volatile uint32_t patience = 0; patience < 10;) patience++;
		outb(enabled & ~TRANSMITTER_EMPTY, INTERRUPT_ENABLE);
	}
	outb(enabled, INTERRUPT_ENABLE);
	MUST(ioperm(INTERRUPT_ENABLE, 1, 0) == 0);
	part_count = interrupts_so_far() - before;
	close(port);
	return ROUNDS;
}
