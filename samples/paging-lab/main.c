// main.c: brings the kernel up, step by step, and hands over to the tasks.
//
// A good place for the first breakpoint is `kernel_main`. From there README.md leads through the rest.
#include "console.h"
#include "cpu.h"
#include "layout.h"
#include "multiboot.h"
#include "paging.h"
#include "segments.h"
#include "tasks.h"
#include "timer.h"
#include "traps.h"

// Is `word` one of the words of the line?
static int has_word(const char *line, const char *word) {
  while (*line != '\0') {
    while (*line == ' ') line++;
    const char *match = word;
    while (*match != '\0' && *line == *match) line++, match++;
    if (*match == '\0' && (*line == ' ' || *line == '\0')) return 1;
    while (*line != ' ' && *line != '\0') line++;
  }
  return 0;
}

void kernel_main(uint32_t magic, const struct multiboot_info *info) {
  console_init();
  if (magic != MULTIBOOT_LOADED) panic("this kernel wants to be booted by Multiboot");
  if ((info->flags & MULTIBOOT_HAS_MEMORY) == 0) panic("the loader does not say how much memory there is");
  if (info->upper_kib < (MEMORY_NEEDED - 0x100000) / 1024) panic("this kernel needs 16 MiB of memory");

  // What the loader left may lie anywhere in memory, so all of it is read before paging is on.
  const char *command_line = info->flags & MULTIBOOT_HAS_COMMAND_LINE ? info->command_line : "";
  struct errands errands = {
      .exit = has_word(command_line, "exit"),
      .crash = has_word(command_line, "crash"),
      .triple_fault = has_word(command_line, "triple-fault"),
  };
  say("booted by Multiboot, %u KiB above 1 MiB", info->upper_kib); // marker: main-booted

  segments_init(); // marker: main-segments
  traps_init(); // marker: main-traps
  say("exceptions at vectors 0 to 31, interrupts at 32 to 47");

  paging_init();
  say("paging on: cr0 %x cr3 %x cr4 %x", read_cr0(), read_cr3(), read_cr4());

  tasks_init();
  timer_init(errands);
  tasks_start(); // interrupts come on as EFLAGS is loaded from the first task's frame // marker: main-tasks
}
