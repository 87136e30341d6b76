/*
 * The first process of a benchmark's guest: runs the parts that the kernel command line names (parts=a,b,c) in this order, and turns the
 * machine off. Each part is a process of its own.
 *
 * What it says goes straight to the first serial port, character by character, not by way of the terminal: a line has left the machine
 * when the next instruction begins, and the host may read its clock by it. The lines:
 *
 *   @ready              user space is up
 *   @> NAME             the work begins
 *   @< NAME             the work is done
 *   @= NAME SUM COUNT   its checksum (hexadecimal) and what it counted
 *   @! NAME WHY         it failed
 *   @done               all parts have been run
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "parts.h"

uint32_t part_count;

static const struct part PARTS[] = {
	{ "integer", NULL, integer_loop, NULL },
	{ "sieve", NULL, sieve, NULL },
	{ "fibonacci", NULL, fibonacci, NULL },
	{ "sha256", NULL, sha256, NULL },
	{ "memcpy", NULL, memory_copy, NULL },
	{ "rep-movsd", NULL, rep_movsd, NULL },
	{ "qsort", prepare_sort, sort, NULL },
	{ "x87-matrix", NULL, x87_matrix, NULL },
	{ "sse2-matrix", NULL, sse2_matrix, NULL },
	{ "sse2-integer", prepare_sse2_integer, sse2_integer, NULL },
	{ "indirect-calls", NULL, indirect_calls, NULL },
	{ "bytecode", NULL, bytecode, NULL },
	{ "division", NULL, division, NULL },
	{ "code-900", NULL, code_900, NULL },
	{ "syscalls", NULL, syscalls, NULL },
	{ "page-faults", NULL, page_faults, NULL },
	{ "fork", NULL, forks, NULL },
	{ "exec", NULL, execs, NULL },
	{ "pipe", NULL, pipe_ping_pong, NULL },
	{ "rewrites", NULL, rewrites, NULL },
	{ "fork-exec", NULL, fork_exec, NULL },
	{ "mmap-loop", NULL, mmap_loop, NULL },
	{ "fault-loop", NULL, fault_loop, NULL },
	{ "interrupts", NULL, interrupts, NULL },
	{ "md5sum", prepare_zeros, NULL, "md5sum /tmp/data" },
	{ "sha256sum", prepare_zeros, NULL, "sha256sum /tmp/data" },
	{ "gzip", prepare_text, NULL, "gzip -c /tmp/data" },
	{ "sort", prepare_numbers, NULL, "sort -n /tmp/data" },
	{ "shell-loop", NULL, NULL, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo $i" },
};

/* The first serial port (PC/AT): transmitter holding register, and line status, whose bit 5 says that it is empty. */
#define SERIAL_PORT 0x3f8
#define LINE_STATUS (SERIAL_PORT + 5)
#define TRANSMITTER_EMPTY 0x20

/* Writes a line to the port. The right to do so is given back, because it costs time at each process switch. */
static void say(const char *line)
{
	if (ioperm(SERIAL_PORT, 8, 1) != 0) abort();
	for (const char *at = line; *at; at++) {
		while (!(inb(LINE_STATUS) & TRANSMITTER_EMPTY)) continue;
		outb((unsigned char)*at, SERIAL_PORT);
	}
	ioperm(SERIAL_PORT, 8, 0);
}

/* The part that this process is about. */
static const char *running = "init";

void fail(const char *condition)
{
	char line[160];
	snprintf(line, sizeof line, "\n@! %s %.80s: %s\n", running, condition, strerror(errno));
	say(line);
	_exit(1);
}

#define OUTPUT "/tmp/output"

/* What a command of the shell has written, as a checksum. */
static uint32_t output_checksum(void)
{
	static char buffer[65536];
	uint32_t sum = CHECKSUM_START;
	int file = open(OUTPUT, O_RDONLY);
	MUST(file >= 0);
	for (ssize_t bytes; (bytes = read(file, buffer, sizeof buffer)) > 0;) sum = checksum_of(sum, buffer, (size_t)bytes);
	close(file);
	return sum;
}

static void run_command(const char *command)
{
	pid_t child = fork();
	if (child == 0) {
		int file = open(OUTPUT, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		MUST(file >= 0 && dup2(file, 1) == 1);
		execl("/bin/busybox", "sh", "-c", command, NULL);
		_exit(99);
	}
	int status = -1;
	MUST(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

/* Runs a part in this process, between its two marks. */
static void run_part(const struct part *part)
{
	char begin[64], end[64], result[96];
	running = part->name;
	snprintf(begin, sizeof begin, "\n@> %s\n", part->name);
	snprintf(end, sizeof end, "\n@< %s\n", part->name);
	if (part->prepare) part->prepare();
	uint32_t sum = 0;
	say(begin);
	if (part->work) sum = part->work();
	else run_command(part->command);
	say(end);
	if (!part->work) sum = output_checksum();
	snprintf(result, sizeof result, "@= %s %08x %u\n", part->name, sum, part_count);
	say(result);
}

static void try_part(const char *name)
{
	char failure[96];
	const struct part *part = NULL;
	for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
		if (strcmp(PARTS[i].name, name) == 0) part = &PARTS[i];
	}
	if (part == NULL) {
		snprintf(failure, sizeof failure, "\n@! %s there is no such part\n", name);
		say(failure);
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		run_part(part);
		_exit(0);
	}
	int status = -1;
	MUST(child > 0 && waitpid(child, &status, 0) == child);
	unlink("/tmp/data");
	unlink(OUTPUT);
	/* With status 1 it has said what failed (fail). */
	if (status == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 1)) return;
	snprintf(failure, sizeof failure, "\n@! %s ended with wait status %#x\n", name, status);
	say(failure);
}

static void mount_file_systems(void)
{
	static const char *const folders[] = { "/proc", "/sys", "/dev", "/tmp" };
	static const char *const types[] = { "proc", "sysfs", "devtmpfs", "tmpfs" };
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		mkdir(folders[i], 0755);
		mount(types[i], folders[i], types[i], 0, NULL);
	}
	/* The kernel has opened the terminal for us; its settings can be changed only while nobody else has it open. */
	int nothing = open("/dev/null", O_RDWR);
	for (int file = 0; file <= 2; file++) dup2(nothing, file);
	setenv("PATH", "/bin", 1);
	pid_t child = fork();
	if (child == 0) {
		execl("/bin/busybox", "busybox", "--install", "-s", "/bin", NULL);
		_exit(99);
	}
	waitpid(child, NULL, 0);
}

/* Commands for klogctl(3): nothing of the kernel's messages goes to the console. */
#define CONSOLE_OFF 6

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "leave") == 0) return 0;
	klogctl(CONSOLE_OFF, NULL, 0);
	say("\n@ready\n");
	mount_file_systems();
	char *names = getenv("parts");
	for (char *name = names ? strtok(names, ",") : NULL; name; name = strtok(NULL, ",")) try_part(name);
	say("\n@done\n");
	sync();
	reboot(RB_POWER_OFF);
	for (;;) pause();
}
