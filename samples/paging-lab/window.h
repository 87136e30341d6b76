// window.h: one page of linear addresses that shows other frames on every tick.
#pragma once
#include <stdint.h>

// Moves the window over the next few frames of the pool, and checks that it shows what is in each. Returns the last.
uint32_t window_walk(void);
