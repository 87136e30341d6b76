// frames.c: hands out the 4 KiB page frames of the pool and counts the owners of each.
//
// The count is what copy-on-write needs to know: a page whose frame has one owner can simply be written.
#include "frames.h"
#include "layout.h"
#include "traps.h"

#define FRAMES ((POOL_END - POOL_START) / PAGE_SIZE)

static uint8_t owners[FRAMES];
static uint32_t next; // where the search goes on, so that frames are used in turn and old contents stay visible for a while

static uint32_t index_of(uint32_t frame) {
  if (frame < POOL_START || frame >= POOL_END) panic("a frame from outside the pool");
  return (frame - POOL_START) / PAGE_SIZE;
}

uint32_t frame_allocate(void) {
  for (uint32_t tried = 0; tried < FRAMES; tried++) {
    uint32_t index = next;
    next = (next + 1) % FRAMES;
    if (owners[index] != 0) continue;
    owners[index] = 1;
    uint32_t frame = POOL_START + index * PAGE_SIZE;
    uint32_t *words = (uint32_t *)frame;
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *words; i++) words[i] = 0;
    return frame;
  }
  panic("no frame is free");
}

void frame_share(uint32_t frame) {
  owners[index_of(frame)]++;
}

void frame_release(uint32_t frame) {
  owners[index_of(frame)]--;
}

uint32_t frame_owners(uint32_t frame) {
  return owners[index_of(frame)];
}

uint32_t frames_free(void) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < FRAMES; i++) count += owners[i] == 0;
  return count;
}
