// tasks.c: the tasks, the round robin that gives each of them a turn of one tick, and their system calls.
//
// A task that has nothing to do until its next turn says so (SYS_WAIT), and the rest of its turn goes to `idle`, which
// sleeps. A task that does not say so is preempted by the tick.
#include "tasks.h"
#include "console.h"
#include "cpu.h"
#include "frames.h"
#include "layout.h"
#include "paging.h"
#include "segments.h"
#include "timer.h"
#include "user.h"
#include <stdbool.h>
#include <stddef.h>

#define KERNEL_STACK_SIZE 4096u
#define EFLAGS_IF (1u << 9)
#define EFLAGS_ALWAYS (1u << 1) // this bit is always 1
#define TEXT_LIMIT 64u

struct task {
  struct address_space *space;
  struct trap_frame *frame; // where it was stopped; lies on its kernel stack
  const char *name;
  bool seen; // it has run before
  uint8_t kernel_stack[KERNEL_STACK_SIZE] __attribute__((aligned(16)));
};

// The tasks in the order of their turns. What they do is in user.c.
enum { SWEEPER, PING, PONG, PAINTER, TASKS };

static struct address_space spaces[TASKS];
static struct task tasks[TASKS], idle;
static struct task *current; // NULL while booting
static uint32_t turn;        // whose turn it is, even while `idle` runs instead

extern const char user_image_load[], user_image_load_end[]; // kernel.ld
void idle_loop(void);                                       // boot.s

const char *current_task_name(void) {
  return current != NULL ? current->name : "boot";
}

static uint32_t stack_top(struct task *task) {
  return (uint32_t)task->kernel_stack + KERNEL_STACK_SIZE;
}

// Prepares a task as if it had been interrupted before its first instruction.
static void task_create(struct task *task, struct address_space *space, const char *name, void (*entry)(void)) {
  space_create(space, name);
  for (uint32_t at = 0; at < (uint32_t)(user_image_load_end - user_image_load); at += PAGE_SIZE) {
    map_page(space, USER_IMAGE + at, (uint32_t)user_image_load + at, ENTRY_USER);
  }
  map_page(space, USER_CLOCK, clock_page_frame(), ENTRY_USER);

  task->space = space;
  task->name = name;
  task->frame = (struct trap_frame *)stack_top(task) - 1;
  *task->frame = (struct trap_frame){
      .es = USER_DATA, .ds = USER_DATA, .ss = USER_DATA, .cs = USER_CODE,
      .eip = (uint32_t)entry,
      // Entered like a function: the word at ESP is where a return address would be. It is 0, as all of a new stack.
      .esp = USER_STACK_TOP - sizeof(uint32_t),
      .eflags = EFLAGS_IF | EFLAGS_ALWAYS,
  };
}

// The same for `idle`, which stays at CPL 0. The processor takes no ESP and SS off the stack then, so its frame lies so
// high that these two fall beyond the top; they are neither written nor read.
static void idle_create(void) {
  idle.space = &kernel_space;
  idle.name = "idle";
  idle.frame = (struct trap_frame *)(stack_top(&idle) - offsetof(struct trap_frame, esp));
  idle.frame->es = idle.frame->ds = KERNEL_DATA;
  idle.frame->cs = KERNEL_CODE;
  idle.frame->eip = (uint32_t)idle_loop;
  idle.frame->eflags = EFLAGS_IF | EFLAGS_ALWAYS;
}

void tasks_init(void) {
  task_create(&tasks[SWEEPER], &spaces[SWEEPER], "sweeper", sweeper);
  task_create(&tasks[PING], &spaces[PING], "ping", ping);
  task_create(&tasks[PONG], &spaces[PONG], "pong", pong);
  task_create(&tasks[PAINTER], &spaces[PAINTER], "painter", painter);
  idle_create();

  map_page(&spaces[PING], USER_NOTEBOOK, frame_allocate(), ENTRY_WRITABLE | ENTRY_USER);
  share_page(&spaces[PING], &spaces[PONG], USER_NOTEBOOK);
  map_large_page(&spaces[PAINTER], USER_CANVAS, CANVAS_FRAME, ENTRY_WRITABLE | ENTRY_USER);
}

// Makes the task the running one, and returns the frame by which entry.s goes into it.
static struct trap_frame *switch_to(struct task *task) {
  current = task;
  set_kernel_stack(stack_top(task));
  space_enter(task->space); // the kernel's part is the same in both spaces, so we do not fall through the floor here
  if (!task->seen) {
    task->seen = true;
    say("enter %s: cr3 %x", task->name, read_cr3());
  }
  return task->frame;
}

void tasks_start(void) {
  resume(switch_to(&tasks[turn]));
}

struct trap_frame *next_turn(struct trap_frame *frame) {
  current->frame = frame;
  turn = (turn + 1) % TASKS;
  return switch_to(&tasks[turn]);
}

void scan_next_task(void) {
  static uint32_t scans;
  struct address_space *space = &spaces[scans % TASKS];
  struct usage usage = scan_usage(space);
  if (scans++ < TASKS) say("scan %s: %u pages, %u accessed, %u dirty", space->name, usage.present, usage.accessed, usage.dirty);
}

// ---------------------------------------------------------------------------------------------------------------------
// System calls: the number in EAX, arguments in EBX and ECX (user.h)

// Copies a task's text, which must lie in the task's part of memory, so that no task can make us read out our own.
static void copy_text(char *to, uint32_t from) {
  uint32_t length = 0;
  while (length < TEXT_LIMIT - 1 && from + length >= USER_START && ((const char *)from)[length] != '\0') {
    to[length] = ((const char *)from)[length];
    length++;
  }
  to[length] = '\0';
}

struct trap_frame *system_call(struct trap_frame *frame) {
  char text[TEXT_LIMIT];
  switch (frame->eax) {
  case SYS_WAIT:
    current->frame = frame;
    return switch_to(&idle);
  case SYS_SAY:
    copy_text(text, frame->ebx);
    say("%s says: %s", current->name, text); // marker: says
    return frame;
  case SYS_FAIL:
    copy_text(text, frame->ebx);
    fail(text);
  case SYS_FORGET:
    // Only pages of the heap: a task must not make us give back a frame that is not counted.
    if (frame->ebx >= USER_HEAP && frame->ecx <= USER_HEAP_PAGES && frame->ebx + frame->ecx * PAGE_SIZE <= USER_HEAP + USER_HEAP_PAGES * PAGE_SIZE) {
      forget_pages(current->space, frame->ebx, frame->ecx);
    }
    return frame;
  case SYS_SHARE:
    share_page(&spaces[PING], &spaces[PONG], USER_NOTEBOOK);
    return frame;
  default:
    fatal(frame, "unknown system call");
  }
}
