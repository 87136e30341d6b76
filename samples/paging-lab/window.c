// window.c: walks a one-page window over the frame pool, four frames a tick.
//
// The same memory can then be seen at two linear addresses: one to one, through a large page, and through the window. If
// they ever differ, somebody (the kernel, the processor, the monitor that plays the processor) has used an old
// translation. Open the Page Tables panel at 3FFFF000 and let the kernel run.
#include "window.h"
#include "frames.h"
#include "layout.h"
#include "paging.h"
#include "traps.h"

#define FRAMES_PER_TICK 4u
#define WORDS (PAGE_SIZE / sizeof(uint32_t))

static uint32_t shown = POOL_END - PAGE_SIZE;

// Moves the window on by one frame.
static void step(void) {
  static uint32_t steps;
  shown = shown + PAGE_SIZE < POOL_END ? shown + PAGE_SIZE : POOL_START;
  steps++;
  map_page(&kernel_space, WINDOW, shown, ENTRY_WRITABLE);

  volatile uint32_t *window = (volatile uint32_t *)WINDOW;
  const volatile uint32_t *direct = (const volatile uint32_t *)shown;
  if (frame_owners(shown) == 0) window[WORDS - 1] = steps; // leave a mark in a frame that is nobody's
  if (window[0] != direct[0] || window[WORDS - 1] != direct[WORDS - 1]) panic("the window shows another frame than it should");
}

uint32_t window_walk(void) {
  for (uint32_t i = 0; i < FRAMES_PER_TICK; i++) step();
  return shown;
}
