// A sum tree of fan-out 8 over float32 weights: batch update, batch descent. The caller owns the memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// 8^11 leaves are more than any capacity.
#define ROOKERY_TREE_LEVELS_MAX 12

/// Level 0 holds the leaves; each node of level l + 1 is the sum of 8 neighbours of level l; the top level is one group of 8.
typedef struct {
  float *nodes;
  size_t offsets[ROOKERY_TREE_LEVELS_MAX];
  size_t level_count;
} rookery_tree;

/// The instructions of a descent. All of them choose the same leaves, bit for bit.
typedef enum {
  ROOKERY_TREE_PORTABLE = 0,
  ROOKERY_TREE_AVX2 = 1,
} rookery_tree_path;

/// The best path of this machine.
rookery_tree_path rookery_tree_best_path(void);

/// Lays out a tree of `capacity` leaves; returns how many floats `nodes` must have, zeroed and aligned to 64 bytes.
size_t rookery_tree_layout(rookery_tree *tree, size_t capacity);

/// The sum of all leaves.
double rookery_tree_total(const rookery_tree *tree);

/// Sets leaf slots[i] = weights[i] in order and recomputes the sums above. O(count · levels).
void rookery_tree_update(const rookery_tree *tree, const uint32_t *slots, const float *weights, size_t count);

/// Sets `count` neighbouring leaves from `first` to 0 and recomputes the sums above. O(count + levels).
void rookery_tree_clear(const rookery_tree *tree, size_t first, size_t count);

/// For each target u in [0, total), finds the leaf whose range of the cumulated weights holds u, and its weight.
/// Never ends in a leaf of weight 0 if the total is positive. Overwrites `targets` with the residuals.
void rookery_tree_descend(const rookery_tree *tree, rookery_tree_path path, double *targets, uint32_t *slots,
                          float *weights, size_t count);

/// Fetches a cache line that is read soon.
static inline void rookery_prefetch(const void *address) { __builtin_prefetch(address); }
