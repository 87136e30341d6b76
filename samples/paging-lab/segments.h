// segments.h: the selectors of the lab's flat segments, and the stack that an interrupt of a task finds.
#pragma once
#include <stdint.h>

// A selector: index * 8 into the GDT, and the privilege level that is asked for in the lowest two bits.
#define KERNEL_CODE 0x08u
#define KERNEL_DATA 0x10u
#define USER_CODE (0x18u | 3)
#define USER_DATA (0x20u | 3)
#define TASK_STATE 0x28u

// Fills and loads the GDT and the task register.
void segments_init(void);

// Says where the processor shall push when an interrupt takes it from CPL 3 to CPL 0.
void set_kernel_stack(uint32_t top);
