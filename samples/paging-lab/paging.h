// paging.h: address spaces, and what the lab does with them.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Bits of an entry of a page directory or page table (SDM volume 3, tables 4-4 to 4-6). Bits 12 to 31 are the frame.
#define ENTRY_PRESENT (1u << 0)
#define ENTRY_WRITABLE (1u << 1)
#define ENTRY_USER (1u << 2)     // CPL 3 may use it
#define ENTRY_ACCESSED (1u << 5) // set by the processor: the entry was used for a translation
#define ENTRY_DIRTY (1u << 6)    // set by the processor: the page was written to
#define ENTRY_LARGE (1u << 7)    // in a page directory: the entry itself maps 4 MiB
#define ENTRY_COPY (1u << 9)     // free for our use: 'copy before writing'

// Bits of a page fault's error code (SDM volume 3, figure 4-12).
#define FAULT_PRESENT (1u << 0) // the page is there, but its rights forbid the access
#define FAULT_WRITE (1u << 1)
#define FAULT_USER (1u << 2)

struct address_space {
  const char *name;
  uint32_t *directory; // its address is the CR3 of this space: the pool is mapped one to one
};

// What a look at the A and D bits has found in the task's part of an address space.
struct usage {
  uint32_t present, accessed, dirty; // counts of entries; a large page counts as one
};

// How often each thing has happened.
struct paging_counts {
  uint32_t demand_maps, copies, last_owners;
};
extern struct paging_counts paging_counts;

// Builds the kernel's address space and turns paging on.
void paging_init(void);

// The kernel's own space, without a task's part; and a new space that shares the kernel's part with it.
extern struct address_space kernel_space;
void space_create(struct address_space *space, const char *name);

// Makes the space the current one: writes CR3, unless it is that already.
void space_enter(struct address_space *space);

// Maps one page, or one large page, with the rights in `bits` (ENTRY_WRITABLE, ENTRY_USER, ENTRY_COPY).
void map_page(struct address_space *space, uint32_t linear, uint32_t frame, uint32_t bits);
void map_large_page(struct address_space *space, uint32_t linear, uint32_t frame, uint32_t bits);

// Gives back `count` pages that were mapped on demand: the next touch finds a new page of zeros.
void forget_pages(struct address_space *space, uint32_t linear, uint32_t count);

// Makes `to` share the page that `from` has at the address. From now on whoever writes to it first gets a copy.
void share_page(struct address_space *from, struct address_space *to, uint32_t linear);

// Tries to make a faulting access possible: true if it may be tried again, false if it was a real mistake.
bool resolve_page_fault(uint32_t linear, uint32_t error);

// Counts the A and D bits in the task's part of the space, and clears them.
struct usage scan_usage(struct address_space *space);
