// timer.h: the tick, a hundred times a second, that drives everything here.
#pragma once
#include "traps.h"

#define TICKS_PER_SECOND 100u

// What the command line asks for, each by a word of that name (see README.md).
struct errands {
  int exit;         // after 300 ticks end the run through QEMU's isa-debug-exit device
  int crash;        // after 100 ticks read address 0
  int triple_fault; // after 100 ticks take the IDT away and raise an exception
};

// Starts the timer. Its first tick arrives when interrupts are on.
void timer_init(struct errands errands);

// What is done on every tick.
void tick_handler(const struct trap_frame *frame);

// The frame of the page that tasks see at USER_CLOCK.
uint32_t clock_page_frame(void);

// A check has failed: says so and ends the run, with status 3 if `exit` was asked for.
_Noreturn void fail(const char *what);
