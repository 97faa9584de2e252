// Ordered stores and loads of words that other processes, or later starts of this one, read; and pages of files.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// All stores before it are in memory before this one is.
static inline void rookery_store_release(uint64_t *word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/// No later load is done before this one.
static inline uint64_t rookery_load_acquire(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

/// No later store is done before an earlier one.
static inline void rookery_store_fence(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }

/// Asks the kernel to read the pages that hold some bytes of a mapped file.
void rookery_pages_wanted(const void *address, size_t count);

/// Waits until they are read and mapped. Writes to them meanwhile do no harm.
void rookery_pages_touch(const void *address, size_t count);

/// Tells the kernel that single pages of this mapping are needed: it need not read pages around them.
void rookery_pages_random(void *address, size_t count);

/// Lets the kernel begin to write a file's dirty pages of a range.
void rookery_write_back(int descriptor, long long offset, long long count);

/// Waits until they are written, and frees their pages in the file cache.
void rookery_write_back_finish(int descriptor, long long offset, long long count);
