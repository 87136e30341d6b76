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

uint32_t integer_loop(void);
uint32_t sieve(void);
uint32_t fibonacci(void);
uint32_t sha256(void);
uint32_t memory_copy(void);
uint32_t rep_movsd(void);
void prepare_sort(void);
uint32_t sort(void);
uint32_t x87_matrix(void);
uint32_t sse2_matrix(void);
void prepare_sse2_integer(void);
uint32_t sse2_integer(void);
uint32_t indirect_calls(void);
uint32_t bytecode(void);
uint32_t division(void);
uint32_t code_900(void);
uint32_t syscalls(void);
uint32_t page_faults(void);
uint32_t forks(void);
uint32_t execs(void);
uint32_t pipe_ping_pong(void);
uint32_t rewrites(void);
uint32_t fork_exec(void);
uint32_t mmap_loop(void);
uint32_t fault_loop(void);
uint32_t interrupts(void);
void prepare_numbers(void);
void prepare_text(void);
void prepare_zeros(void);

#endif
