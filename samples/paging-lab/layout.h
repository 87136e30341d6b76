// layout.h: the map of memory, physical and linear, that the whole lab is about.
//
// Physical memory:
//
//     00000000 - 003FFFFF   the PC's own low memory, the VGA's at B8000, and the kernel from 1 MiB
//     00400000 - 00BFFFFF   the frame pool: page directories, page tables and pages of the tasks (frames.c)
//     00C00000 - 00FFFFFF   the canvas: one large page's worth of memory for the task `painter`
//
// Linear addresses. The first GiB is the kernel's and is the same in every address space; the rest belongs to the task.
//
//     00000000   not mapped, so that a null pointer faults
//     00001000   one to one, by 4 KiB pages; the kernel's code read-only
//     00400000   one to one, by two 4 MiB pages: the frame pool
//     3FFFF000   the window: shows other frames on every tick (window.c)
//     40000000   USER_IMAGE      the tasks' code, read-only, the same frames in every address space
//     48000000   USER_CLOCK      the tick count: the kernel writes it, tasks may read it
//     50000000   USER_HEAP       mapped on demand, filled with zeros
//     60000000   USER_NOTEBOOK   one page that `ping` and `pong` share, copied on write
//     80000000   USER_CANVAS     one 4 MiB page, in `painter` only
//     C0000000   USER_STACK_TOP  below it a stack, mapped on demand
#pragma once

#define PAGE_SIZE        0x1000u
#define LARGE_PAGE_SIZE  0x400000u

#define POOL_START       0x00400000u
#define POOL_END         0x00C00000u
#define CANVAS_FRAME     0x00C00000u
#define MEMORY_NEEDED    0x01000000u // all of the above: 16 MiB

#define WINDOW           0x3FFFF000u

#define USER_START       0x40000000u
#define USER_IMAGE       0x40000000u // the same in kernel.ld
#define USER_CLOCK       0x48000000u
#define USER_HEAP        0x50000000u
#define USER_HEAP_PAGES  64u
#define USER_NOTEBOOK    0x60000000u
#define USER_CANVAS      0x80000000u
#define USER_STACK_TOP   0xC0000000u
#define USER_STACK_PAGES 4u
