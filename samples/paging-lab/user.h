// user.h: what the kernel and the tasks agree on: the tasks' first functions, the system calls and the clock page.
#pragma once
#include <stdint.h>

// INT 80h with one of these in EAX.
#define SYS_WAIT 0u   // sleep until my next turn
#define SYS_SAY 1u    // EBX = a text: print it
#define SYS_FAIL 2u   // EBX = a text: something is wrong; stop the machine
#define SYS_FORGET 3u // EBX = a heap page's address, ECX = a count of pages: give them back
#define SYS_SHARE 4u  // let `pong` have `ping`'s notebook page, to be copied on write

// The page at USER_CLOCK.
struct clock_page {
  uint32_t ticks;
};

// The page at USER_NOTEBOOK.
struct notebook {
  uint32_t writer; // NOBODY, or who wrote last
  uint32_t round;  // ping's count of rounds
  uint32_t shared; // the round in which ping shared the page last
};
#define SHARE_EVERY 8u // rounds
enum { NOBODY, PING_WROTE, PONG_WROTE };

void sweeper(void);
void ping(void);
void pong(void);
void painter(void);
