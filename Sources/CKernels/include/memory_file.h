// Stores and loads of words that other processes, or later lives of this one, see in order.
#pragma once

#include <stdint.h>

/// All stores before it are in memory before this one is.
static inline void rookery_store_release(uint64_t *word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/// No later load is done before this one.
static inline uint64_t rookery_load_acquire(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

/// No later store is done before an earlier one.
static inline void rookery_store_fence(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
