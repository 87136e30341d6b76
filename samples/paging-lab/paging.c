// paging.c: builds address spaces, and changes them on page faults: by demand mapping and by copy-on-write.
//
// 32-bit paging has two levels. CR3 holds the frame of a page directory; bits 31 to 22 of a linear address choose one of
// its 1024 entries, each of which leads to a page table or, with PS set, maps 4 MiB at once; bits 21 to 12 choose one of
// the table's 1024 entries; bits 11 to 0 are the place in the page. See layout.h for what is where.
#include "paging.h"
#include "console.h"
#include "cpu.h"
#include "frames.h"
#include "layout.h"
#include "traps.h"
#include <stddef.h>

#define ENTRIES 1024u
#define CPUID_PSE (1u << 3)
#define FIRST_FEW 4u // how many events of a kind are told line by line; the rest is only counted

// From kernel.ld. Only the addresses of these mean something.
extern const char kernel_start[], user_image_load_end[];

struct paging_counts paging_counts;
struct address_space kernel_space;
static struct address_space *current;

// Where a page that is not there is made on its first touch, in every task's address space.
static const struct {
  uint32_t start, pages;
  const char *name;
} demand_regions[] = {
    {USER_HEAP, USER_HEAP_PAGES, "heap"},
    {USER_STACK_TOP - USER_STACK_PAGES * PAGE_SIZE, USER_STACK_PAGES, "stack"},
};

static uint32_t directory_index(uint32_t linear) {
  return linear >> 22;
}

static uint32_t table_index(uint32_t linear) {
  return linear >> 12 & (ENTRIES - 1);
}

static uint32_t frame_of(uint32_t entry) {
  return entry & ~(PAGE_SIZE - 1);
}

// The table entry for an address, or NULL if its directory entry leads to no table.
static uint32_t *find_entry(struct address_space *space, uint32_t linear) {
  uint32_t directory_entry = space->directory[directory_index(linear)];
  if ((directory_entry & ENTRY_PRESENT) == 0 || (directory_entry & ENTRY_LARGE) != 0) return NULL;
  uint32_t *table = (uint32_t *)frame_of(directory_entry);
  return &table[table_index(linear)];
}

// The same; it adds the table if there is none. An access needs the right in the directory *and* in the table, so the
// directory entry allows all and the table's entries decide.
static uint32_t *make_entry(struct address_space *space, uint32_t linear) {
  uint32_t *directory_entry = &space->directory[directory_index(linear)];
  if ((*directory_entry & ENTRY_PRESENT) == 0) {
    uint32_t user = linear >= USER_START ? ENTRY_USER : 0;
    *directory_entry = frame_allocate() | user | ENTRY_WRITABLE | ENTRY_PRESENT;
  }
  return find_entry(space, linear);
}

// Changes one entry, and sees to it that the processor does not go on using what it remembers of the old one. It may
// remember something of the current space only, but the kernel's part belongs to every space.
static void set_entry(struct address_space *space, uint32_t linear, uint32_t *entry, uint32_t value) {
  *entry = value;
  if (space == current || linear < USER_START) invalidate_page(linear);
}

void map_page(struct address_space *space, uint32_t linear, uint32_t frame, uint32_t bits) {
  set_entry(space, linear, make_entry(space, linear), frame | bits | ENTRY_PRESENT);
}

void map_large_page(struct address_space *space, uint32_t linear, uint32_t frame, uint32_t bits) {
  set_entry(space, linear, &space->directory[directory_index(linear)], frame | bits | ENTRY_LARGE | ENTRY_PRESENT);
}

// ---------------------------------------------------------------------------------------------------------------------
// Address spaces

void paging_init(void) {
  if ((cpu_features() & CPUID_PSE) == 0) panic("this processor has no 4 MiB pages");

  kernel_space.name = "kernel";
  kernel_space.directory = (uint32_t *)frame_allocate();

  // Page 0 stays unmapped. The kernel's code and constants, and the tasks' image behind them, are read-only.
  for (uint32_t page = PAGE_SIZE; page < POOL_START; page += PAGE_SIZE) {
    bool read_only = page >= (uint32_t)kernel_start && page < (uint32_t)user_image_load_end;
    map_page(&kernel_space, page, page, read_only ? 0 : ENTRY_WRITABLE);
  }
  for (uint32_t page = POOL_START; page < POOL_END; page += LARGE_PAGE_SIZE) {
    map_large_page(&kernel_space, page, page, ENTRY_WRITABLE);
  }
  // The window's table must be there before other spaces copy the directory entry that leads to it.
  make_entry(&kernel_space, WINDOW);

  write_cr4(read_cr4() | CR4_PSE);
  space_enter(&kernel_space);
  write_cr0(read_cr0() | CR0_PG | CR0_WP); // the next instruction is fetched through the tables
}

void space_create(struct address_space *space, const char *name) {
  space->name = name;
  space->directory = (uint32_t *)frame_allocate();
  // Copying the directory's entries shares the tables that they lead to: what the kernel maps in its part from now on
  // is to be seen in every space.
  for (uint32_t i = 0; i < directory_index(USER_START); i++) space->directory[i] = kernel_space.directory[i];
}

void space_enter(struct address_space *space) {
  if (space == current) return;
  current = space;
  write_cr3((uint32_t)space->directory);
}

void forget_pages(struct address_space *space, uint32_t linear, uint32_t count) {
  for (; count > 0; count--, linear += PAGE_SIZE) {
    uint32_t *entry = find_entry(space, linear);
    if (entry == NULL || (*entry & ENTRY_PRESENT) == 0) continue;
    frame_release(frame_of(*entry));
    set_entry(space, linear, entry, 0);
  }
}

void share_page(struct address_space *from, struct address_space *to, uint32_t linear) {
  uint32_t *source = find_entry(from, linear);
  uint32_t *target = make_entry(to, linear);
  if (source == NULL || (*source & ENTRY_PRESENT) == 0) panic("there is no page to share");
  uint32_t frame = frame_of(*source);
  frame_share(frame); // before the release below: it may be the same frame
  if ((*target & ENTRY_PRESENT) != 0) frame_release(frame_of(*target));
  // Neither may write, and both remember that they could if they had a copy.
  set_entry(from, linear, source, frame | ENTRY_COPY | ENTRY_USER | ENTRY_PRESENT);
  set_entry(to, linear, target, frame | ENTRY_COPY | ENTRY_USER | ENTRY_PRESENT);
}

// ---------------------------------------------------------------------------------------------------------------------
// Page faults

// The page is not there. If the address lies in a region that is filled on demand, a page of zeros is put there.
static bool map_on_demand(uint32_t linear) {
  for (uint32_t i = 0; i < sizeof demand_regions / sizeof demand_regions[0]; i++) {
    if (linear < demand_regions[i].start || linear >= demand_regions[i].start + demand_regions[i].pages * PAGE_SIZE) continue;
    uint32_t frame = frame_allocate(); // marker: demand-frame
    map_page(current, linear, frame, ENTRY_WRITABLE | ENTRY_USER); // marker: demand-map
    if (paging_counts.demand_maps++ < FIRST_FEW) {
      say("demand map: %s, %s page %x -> frame %x", current->name, demand_regions[i].name, linear, frame);
    }
    return true;
  }
  return false;
}

// The page is there, and a write to it was refused. If it is marked 'copy before writing', this is the moment.
static bool copy_on_write(uint32_t linear) {
  uint32_t *entry = find_entry(current, linear);
  if (entry == NULL || (*entry & ENTRY_COPY) == 0) return false; // marker: copy-check

  uint32_t frame = frame_of(*entry); // marker: copy-frame
  if (frame_owners(frame) == 1) { // everybody else has a copy by now, so this one may have the original
    if (paging_counts.last_owners++ < FIRST_FEW) say("copy on write: %s, page %x, last owner keeps frame %x", current->name, linear, frame);
  } else {
    uint32_t copy = frame_allocate();
    const uint32_t *from = (const uint32_t *)frame;
    uint32_t *to = (uint32_t *)copy;
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof *to; i++) to[i] = from[i]; // marker: copy-words
    frame_release(frame); // marker: copy-release
    if (paging_counts.copies++ < FIRST_FEW) say("copy on write: %s, page %x, frame %x -> copy %x", current->name, linear, frame, copy);
    frame = copy;
  }
  set_entry(current, linear, entry, frame | ENTRY_WRITABLE | ENTRY_USER | ENTRY_PRESENT);
  return true;
}

bool resolve_page_fault(uint32_t linear, uint32_t error) {
  uint32_t page = linear & ~(PAGE_SIZE - 1);
  if (page < USER_START) return false; // the kernel's part is complete from the start
  if ((error & FAULT_PRESENT) == 0) return map_on_demand(page); // marker: fault-absent
  if ((error & FAULT_WRITE) != 0) return copy_on_write(page);
  return false;
}

// ---------------------------------------------------------------------------------------------------------------------
// The accessed and dirty bits

// Adds one entry to the counts and clears its A and D bits.
static void take_usage(struct usage *usage, uint32_t *entry) {
  usage->present++;
  usage->accessed += (*entry & ENTRY_ACCESSED) != 0;
  usage->dirty += (*entry & ENTRY_DIRTY) != 0;
  *entry &= ~(ENTRY_ACCESSED | ENTRY_DIRTY);
}

struct usage scan_usage(struct address_space *space) {
  struct usage usage = {0, 0, 0};
  for (uint32_t i = directory_index(USER_START); i < ENTRIES; i++) {
    uint32_t *directory_entry = &space->directory[i];
    if ((*directory_entry & ENTRY_PRESENT) == 0) continue;
    if ((*directory_entry & ENTRY_LARGE) != 0) {
      take_usage(&usage, directory_entry);
      continue;
    }
    uint32_t *table = (uint32_t *)frame_of(*directory_entry);
    for (uint32_t j = 0; j < ENTRIES; j++) {
      if ((table[j] & ENTRY_PRESENT) != 0) take_usage(&usage, &table[j]);
    }
  }
  // The processor sets a bit only when it walks the tables. As long as it remembers a translation it does not walk, and
  // the cleared bits would stay clear. Writing CR3 makes it forget.
  if (space == current) write_cr3(read_cr3());
  return usage;
}
