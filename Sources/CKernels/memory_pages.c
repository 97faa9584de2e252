#define _GNU_SOURCE
#include "memory_file.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/// The first page of `count` bytes from `address` on; `count` then begins at that page.
static void *pages(const void *address, size_t *count) {
  uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t first = (uintptr_t)address / size * size;
  *count += (uintptr_t)address - first;
  return (void *)first;
}

void rookery_pages_wanted(const void *address, size_t count) {
  void *first = pages(address, &count);
  madvise(first, count, MADV_WILLNEED);
}

void rookery_pages_touch(const void *address, size_t count) {
  // Reading a byte of each page waits for it; more than twice as fast as MADV_POPULATE_READ, as measured.
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  const volatile unsigned char *first = pages(address, &count);
  for (size_t offset = 0; offset < count; offset += size) (void)first[offset];
}

void rookery_pages_random(void *address, size_t count) { madvise(address, count, MADV_RANDOM); }

void rookery_write_back(int descriptor, long long offset, long long count) {
  sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

void rookery_write_back_finish(int descriptor, long long offset, long long count) {
  sync_file_range(descriptor, offset, count,
                  SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  posix_fadvise(descriptor, offset, count, POSIX_FADV_DONTNEED);
}
