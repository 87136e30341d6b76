/* Parts that the kernel works for: system calls, page faults, processes, pipes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../parts.h"

#define PAGE 4096

uint32_t syscalls(void)
{
	part_count = 500000;
	uint32_t sum = 0;
	for (uint32_t i = 0; i < part_count; i++) sum += (uint32_t)syscall(SYS_getppid) == 1;
	return sum;
}

/* Memory without large pages, which not every processor model has. */
static uint8_t *map(size_t bytes)
{
	uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(memory != MAP_FAILED);
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	return memory;
}

/* 41,000 pages of new memory, each touched once, in ten pieces. */
uint32_t page_faults(void)
{
	part_count = 41000;
	uint32_t sum = 0;
	size_t pages = part_count / 10;
	for (uint32_t round = 0; round < 10; round++) {
		uint8_t *memory = map(pages * PAGE);
		for (size_t i = 0; i < pages; i++) {
			memory[i * PAGE + round] = (uint8_t)i;
			sum = sum * 3 + memory[i * PAGE + round];
		}
		munmap(memory, pages * PAGE);
	}
	return sum;
}

static uint32_t wait_for(pid_t child)
{
	int status = -1;
	MUST(child > 0 && waitpid(child, &status, 0) == child);
	return (uint32_t)WEXITSTATUS(status);
}

/* A process of 2 MB that is forked; the child writes to a few pages. */
uint32_t forks(void)
{
	part_count = 200;
	uint8_t *memory = map(512 * PAGE);
	memset(memory, 1, 512 * PAGE);
	uint32_t sum = 0;
	for (uint32_t i = 0; i < part_count; i++) {
		pid_t child = fork();
		if (child == 0) {
			for (uint32_t page = 0; page < 16; page++) memory[page * 32 * PAGE] += (uint8_t)i;
			_exit(memory[i % 16 * 32 * PAGE] & 127);
		}
		sum = sum * 3 + wait_for(child);
	}
	return sum;
}

static uint32_t run(uint32_t times, const char *program, const char *word)
{
	part_count = times;
	uint32_t sum = 0;
	for (uint32_t i = 0; i < times; i++) {
		pid_t child = fork();
		if (child == 0) {
			execl(program, program, word, NULL);
			_exit(99);
		}
		sum = sum * 3 + wait_for(child) + 1;
	}
	return sum;
}

/* Our own program, which ends at once: see init.c. */
uint32_t execs(void)
{
	return run(60, "/init", "leave");
}

uint32_t fork_exec(void)
{
	return run(300, "/bin/busybox", "true");
}

/* A byte goes to another process and back, 20,000 times: two switches each. */
uint32_t pipe_ping_pong(void)
{
	part_count = 20000;
	int there[2], back[2];
	MUST(pipe(there) == 0 && pipe(back) == 0);
	pid_t child = fork();
	uint8_t byte = 1;
	if (child == 0) {
		for (uint32_t i = 0; i < part_count; i++) {
			MUST(read(there[0], &byte, 1) == 1);
			byte = (uint8_t)(byte * 5 + 1);
			MUST(write(back[1], &byte, 1) == 1);
		}
		_exit(7);
	}
	uint32_t sum = 0;
	for (uint32_t i = 0; i < part_count; i++) {
		MUST(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1);
		sum = sum * 3 + byte;
	}
	return sum + wait_for(child);
}

/* Maps four pages, touches one, and gives them back. */
uint32_t mmap_loop(void)
{
	part_count = 20000;
	uint32_t sum = 0;
	for (uint32_t i = 0; i < part_count; i++) {
		uint8_t *memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(memory != MAP_FAILED);
		memory[i % 4 * PAGE] = (uint8_t)i;
		sum = sum * 3 + memory[i % 4 * PAGE] + memory[0];
		munmap(memory, 4 * PAGE);
	}
	return sum;
}

/* The same 1000 pages, taken away and touched again. */
uint32_t fault_loop(void)
{
	part_count = 40000;
	size_t pages = 1000;
	uint8_t *memory = map(pages * PAGE);
	uint32_t sum = 0;
	for (uint32_t round = 0; round < part_count / pages; round++) {
		MUST(madvise(memory, pages * PAGE, MADV_DONTNEED) == 0);
		for (size_t i = 0; i < pages; i++) {
			memory[i * PAGE] += (uint8_t)round;
			sum = sum * 3 + memory[i * PAGE];
		}
	}
	return sum;
}

/* A function of two instructions, written anew before each call: mov eax, imm32; ret. */
uint32_t rewrites(void)
{
	part_count = 20000;
	uint8_t *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(code != MAP_FAILED);
	uint32_t sum = 0;
	for (uint32_t i = 0; i < part_count; i++) {
		uint32_t immediate = i * 2654435761u;
		code[0] = 0xb8;
		memcpy(code + 1, &immediate, 4);
		code[5] = 0xc3;
		uint32_t (*function)(void) = (uint32_t (*)(void))(uintptr_t)code;
		__asm__ volatile("" : : : "memory");
		sum = sum * 3 + function();
	}
	return sum;
}
