// frames.h: who owns the page frames of the pool.
#pragma once
#include <stdint.h>

// A frame filled with zeros, with one owner: its physical address, which is its linear address in the kernel, too.
uint32_t frame_allocate(void);

// One owner more, one owner fewer. A frame without an owner is free.
void frame_share(uint32_t frame);
void frame_release(uint32_t frame);

uint32_t frame_owners(uint32_t frame);
uint32_t frames_free(void);
