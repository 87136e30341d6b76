// user.c: the four tasks. All that is here runs at CPL 3 and sees memory through its task's page tables only.
//
// The four share this code, at the same linear address and in the same frames. So a breakpoint here stops whichever task
// comes by first: look at CR3, or at the variable `name` of the kernel's current task, to see who it is.
//
// Each task checks what it reads. A wrong value means that a page table did not say what it should, or that an old
// translation was used, and ends the run by SYS_FAIL.
#include "user.h"
#include "layout.h"

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(uint32_t))

static void call(uint32_t number, uint32_t first, uint32_t second) {
  __asm__ volatile("int 0x80" : : "a"(number), "b"(first), "c"(second) : "memory");
}

static void wait_turn(void) {
  call(SYS_WAIT, 0, 0);
}

static void check(int right, const char *otherwise) {
  if (!right) call(SYS_FAIL, (uint32_t)otherwise, 0);
}

// Says so if we are where we should be: the lowest two bits of CS are the current privilege level.
static void greet(void) {
  uint16_t cs;
  __asm__("mov %0, cs" : "=r"(cs));
  check((cs & 3) == 3, "not at CPL 3");
  call(SYS_SAY, (uint32_t) "hello from CPL 3", 0);
}

// sweeper: walks over the heap and leaves a number in every page, each of which appears on its first touch. At the end it
// looks at all of them once more, gives them back, and begins again.
void sweeper(void) {
  volatile uint32_t *heap = (volatile uint32_t *)USER_HEAP;
  greet();
  for (uint32_t sweep = 1;; sweep++) {
    for (uint32_t page = 0; page < USER_HEAP_PAGES; page++) {
      check(heap[page * WORDS_PER_PAGE] == 0, "a new heap page is not zero"); // this read faults, and gets a page // marker: heap-read
      check(heap[(page + 1) * WORDS_PER_PAGE - 1] == 0, "a new heap page is not zero to its end"); // marker: heap-end
      heap[page * WORDS_PER_PAGE] = sweep + page;
      if (page % 8 == 7) wait_turn();
    }
    for (uint32_t page = 0; page < USER_HEAP_PAGES; page++) {
      check(heap[page * WORDS_PER_PAGE] == sweep + page, "a heap page has lost its contents");
    }
    call(SYS_FORGET, USER_HEAP, USER_HEAP_PAGES);
  }
}

// ping: writes to its notebook page on every turn, and on every eighth shares the page with pong. Then it either goes on
// writing, which makes a copy for ping and leaves the original to pong, or waits until pong has written, which makes it
// the other way round.
void ping(void) {
  volatile struct notebook *notebook = (volatile struct notebook *)USER_NOTEBOOK;
  uint32_t shared = 0;
  greet();
  for (uint32_t round = 1;; round++) {
    notebook->writer = PING_WROTE; // marker: ping-write
    notebook->round = round; // marker: ping-round
    wait_turn(); // marker: ping-wait
    check(notebook->writer == PING_WROTE && notebook->round == round, "ping does not see what it wrote last"); // marker: ping-check
    check(notebook->shared == shared, "the copy of a page has lost what was on it");
    if (round % SHARE_EVERY == 0) {
      notebook->shared = shared = round;
      call(SYS_SHARE, 0, 0);
    }
    if (round % (2 * SHARE_EVERY) == 0) {
      wait_turn(); // pong looks at the page ...
      wait_turn(); // ... and writes to it
      check(notebook->writer == PING_WROTE, "ping sees what pong wrote");
    }
  }
}

// pong: looks at its page on one turn, which copies nothing, and writes to it on the next. As long as it has not written,
// the page must stay as it was when ping shared it, though ping has long gone on writing.
void pong(void) {
  volatile struct notebook *notebook = (volatile struct notebook *)USER_NOTEBOOK;
  greet();
  for (;;) {
    if (notebook->writer != PONG_WROTE) {
      check(notebook->round % SHARE_EVERY == 0, "pong sees what ping wrote after it had shared the page");
      wait_turn();
      check(notebook->round % SHARE_EVERY == 0, "pong sees what ping wrote while it waited");
    }
    notebook->writer = PONG_WROTE;
    wait_turn();
  }
}

// painter: fills the large page, one word in every 4 KiB, so that it walks over all of it and still sets only one dirty
// bit. On every eighth turn it keeps on until the clock page shows that the tick came and took the processor away.
void painter(void) {
  volatile uint32_t *canvas = (volatile uint32_t *)USER_CANVAS;
  const volatile struct clock_page *clock = (const volatile struct clock_page *)USER_CLOCK;
  const uint32_t pages = LARGE_PAGE_SIZE / PAGE_SIZE;
  greet();
  for (uint32_t page = 0; page < pages; page++) canvas[page * WORDS_PER_PAGE] = 0; // marker: painter-clear
  for (uint32_t colour = 1;; colour++) {
    uint32_t began = clock->ticks; // marker: painter-began
    for (uint32_t page = 0; page < pages; page++) {
      check(canvas[page * WORDS_PER_PAGE] == colour - 1, "the canvas has lost its colour");
      canvas[page * WORDS_PER_PAGE] = colour;
    }
    if (colour % 8 != 0) {
      wait_turn();
    } else {
      while (clock->ticks == began) { // marker: painter-spin
      }
    }
  }
}
