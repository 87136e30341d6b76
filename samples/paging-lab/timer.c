// timer.c: programs the PIT, and does on every tick what the lab does all the time.
#include "timer.h"
#include "console.h"
#include "cpu.h"
#include "frames.h"
#include "layout.h"
#include "paging.h"
#include "tasks.h"
#include "user.h"
#include "window.h"

#define PIT_HZ 1193182u // the 8254's input clock
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND 0x43

#define EXIT_PORT 0xF4 // isa-debug-exit: the run ends with status (value << 1) | 1
#define EXIT_AFTER 300u
#define CRASH_AFTER 100u

// One page of its own, for tasks may read all of it.
static union {
  struct clock_page clock;
  uint8_t page[PAGE_SIZE];
} clock_page __attribute__((aligned(4096)));

static struct errands errands;

uint32_t clock_page_frame(void) {
  return (uint32_t)&clock_page;
}

void timer_init(struct errands asked) {
  errands = asked;
  uint32_t divisor = PIT_HZ / TICKS_PER_SECOND;
  out8(PIT_COMMAND, 0x34); // channel 0, low byte then high byte, mode 2: a pulse every `divisor` clocks
  out8(PIT_CHANNEL_0, (uint8_t)divisor);
  out8(PIT_CHANNEL_0, (uint8_t)(divisor >> 8));
}

void fail(const char *what) {
  say("check failed: %s, in %s", what, current_task_name());
  if (errands.exit) out8(EXIT_PORT, 1);
  say("halted");
  halt_forever();
}

// Without an IDT the exception cannot be delivered, nor the double fault that follows, nor what follows that: the
// processor gives up ('shutdown'), and a PC resets.
static void raise_triple_fault(void) {
  struct table_register none = {.limit = 0, .base = 0};
  say("raising a triple fault");
  __asm__ volatile("lidt %0\n\tint3" : : "m"(none));
}

// Reads the page that is never mapped. The volatile pointer keeps the compiler from noticing that this is nonsense.
static void read_null(void) {
  const volatile uint32_t *volatile nothing = 0;
  say("reading address 0");
  (void)*nothing;
}

static void run_errands(uint32_t ticks) {
  if (ticks == CRASH_AFTER && errands.crash) read_null();
  if (ticks == CRASH_AFTER && errands.triple_fault) raise_triple_fault();
  if (ticks == EXIT_AFTER && errands.exit) {
    say("done after %u ticks", ticks);
    out8(EXIT_PORT, 0);
    say("no exit device at port F4, so the run goes on");
  }
}

void tick_handler(const struct trap_frame *frame) {
  uint32_t ticks = ++clock_page.clock.ticks; // tasks see it at once: it is the same frame
  uint32_t shown = window_walk();
  if (ticks % 25 == 0) scan_next_task(); // marker: tick-scan
  if (ticks % 10 == 0) {
    show_status(" tick %u | demand maps %u | copies %u, last owners %u | window on %x | free %u", ticks,
                paging_counts.demand_maps, paging_counts.copies, paging_counts.last_owners, shown, frames_free());
  }
  if (ticks == 1) say("first tick: stopped %s at %x", current_task_name(), frame->eip);
  if (ticks % 100 == 0) say("tick %u", ticks);
  run_errands(ticks);
}
