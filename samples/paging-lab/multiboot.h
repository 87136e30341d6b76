// multiboot.h: what a Multiboot 1 loader leaves for the kernel (Multiboot specification 0.6.96, section 3.3).
#pragma once
#include <stdint.h>

#define MULTIBOOT_LOADED 0x2BADB002u // in EAX: a Multiboot loader was here

#define MULTIBOOT_HAS_MEMORY (1u << 0)
#define MULTIBOOT_HAS_COMMAND_LINE (1u << 2)

// The beginning of the information structure; `flags` says which fields mean something.
struct multiboot_info {
  uint32_t flags;
  uint32_t lower_kib, upper_kib; // memory from 0, and from 1 MiB
  uint32_t boot_device;
  const char *command_line;
};
