// tasks.h: the four tasks, each in its own address space, and the turns that they take.
#pragma once
#include "traps.h"

// Makes the tasks' address spaces and their first trap frames.
void tasks_init(void);

// Leaves the boot code for good and begins the first turn.
_Noreturn void tasks_start(void);

// Ends the turn of whoever was running and begins the next task's: returns the frame to go on with.
struct trap_frame *next_turn(struct trap_frame *frame);

// Does what a task asked for by INT 80h. Returns the frame to go on with.
struct trap_frame *system_call(struct trap_frame *frame);

// Looks at the A and D bits of one task's pages; each call takes the next task.
void scan_next_task(void);

// The name of the task that is running, "idle" or "boot".
const char *current_task_name(void);
