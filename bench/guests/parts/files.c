/* The files that the parts of the shell read: made by us, so that nothing has to be brought along. */
#include <fcntl.h>
#include <unistd.h>
#include "../parts.h"

#define BUFFER 65536

static void write_file(const char *name, uint32_t buffers, size_t (*next)(char *buffer, uint64_t *state))
{
	static char buffer[BUFFER];
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(file >= 0);
	uint64_t state = 99;
	for (uint32_t i = 0; i < buffers; i++) {
		size_t bytes = next(buffer, &state);
		MUST(write(file, buffer, bytes) == (ssize_t)bytes);
	}
	close(file);
}

static size_t zeros(char *buffer, uint64_t *state)
{
	memset(buffer, (int)(*state)++, BUFFER);
	return BUFFER;
}

/* 32 MB that are quick to make. */
void prepare_zeros(void)
{
	write_file("/tmp/data", 512, zeros);
}

static const char *const WORDS[16] = {
	"processor ", "memory ", "page ", "the ", "of ", "a ", "table ", "is ", "fault,\n", "and ", "translation ", "in ", "code ", "trace.\n", "to ", "guest ",
};

static size_t text(char *buffer, uint64_t *state)
{
	size_t used = 0;
	while (used < BUFFER - 16) {
		const char *word = WORDS[next_random(state) & 15];
		size_t bytes = strlen(word);
		memcpy(buffer + used, word, bytes);
		used += bytes;
	}
	return used;
}

/* 4 MB of words. */
void prepare_text(void)
{
	write_file("/tmp/data", 64, text);
}

static size_t numbers(char *buffer, uint64_t *state)
{
	size_t used = 0;
	while (used < BUFFER - 16) {
		uint32_t number = next_random(state);
		for (int digit = 0; digit < 7; digit++, number /= 10) buffer[used++] = (char)('0' + number % 10);
		buffer[used++] = '\n';
	}
	return used;
}

/* 256 KB of numbers, one a line. */
void prepare_numbers(void)
{
	write_file("/tmp/data", 4, numbers);
}
