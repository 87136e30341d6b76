/* What a part is: a piece of work that is timed from outside, and the list of them all. */
#ifndef PARTS_H
#define PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything the machine under test must not notice in advance: no inlining into the caller, no work at compile time. */
#define OUT_OF_LINE __attribute__((noinline, noclone))

/*
 * Code that is small and very hot lies within a page: an instruction across two pages costs some engines a hundred times as much as others, and
 * whether there is one in a loop would be chance. The 900 functions, the kernel and busybox lie as they fall.
 */
#define WITHIN_A_PAGE __attribute__((noinline, noclone, aligned(4096)))

struct part {
	const char *name;
	/* Makes data ready, before the clock is read; may be null. */
	void (*prepare)(void);
	/* The work. Gives a checksum that is the same on every correct engine. */
	uint32_t (*work)(void);
	/* Instead of `work`: what busybox's shell runs. Its output makes the checksum. */
	const char *command;
};

/* What `work` counted, for parts that are about so many things a second; null when it counts nothing. */
extern uint32_t part_count;

/* The next number of a linear congruential generator (Knuth's MMIX constants). */
static inline uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

/* FNV-1a over some bytes, going on from an earlier value. */
#define CHECKSUM_START 2166136261u
static inline uint32_t checksum_of(uint32_t sum, const void *data, size_t bytes)
{
	const uint8_t *at = data;
	for (size_t i = 0; i < bytes; i++) sum = (sum ^ at[i]) * 16777619u;
	return sum;
}

/* Ends the process with a message when something that a part stands on does not work. */
#define MUST(condition) do { if (!(condition)) fail(#condition); } while (0)
void fail(const char *condition) __attribute__((noreturn));

WITHIN_A_PAGE uint32_t integer_loop(void);
WITHIN_A_PAGE uint32_t sieve(void);
WITHIN_A_PAGE uint32_t fibonacci(void);
WITHIN_A_PAGE uint32_t sha256(void);
WITHIN_A_PAGE uint32_t memory_copy(void);
WITHIN_A_PAGE uint32_t rep_movsd(void);
void prepare_sort(void);
WITHIN_A_PAGE uint32_t sort(void);
WITHIN_A_PAGE uint32_t x87_matrix(void);
WITHIN_A_PAGE uint32_t sse2_matrix(void);
void prepare_sse2_integer(void);
WITHIN_A_PAGE uint32_t sse2_integer(void);
WITHIN_A_PAGE uint32_t indirect_calls(void);
WITHIN_A_PAGE uint32_t bytecode(void);
WITHIN_A_PAGE uint32_t division(void);
uint32_t code_900(void);
WITHIN_A_PAGE uint32_t syscalls(void);
WITHIN_A_PAGE uint32_t page_faults(void);
WITHIN_A_PAGE uint32_t forks(void);
WITHIN_A_PAGE uint32_t execs(void);
WITHIN_A_PAGE uint32_t pipe_ping_pong(void);
WITHIN_A_PAGE uint32_t rewrites(void);
WITHIN_A_PAGE uint32_t fork_exec(void);
WITHIN_A_PAGE uint32_t mmap_loop(void);
WITHIN_A_PAGE uint32_t fault_loop(void);
WITHIN_A_PAGE uint32_t interrupts(void);
void prepare_numbers(void);
void prepare_text(void);
void prepare_zeros(void);

#endif
