// The sum tree's loops. SIMD paths are chosen by an argument, so nothing is resolved at load time.
#include "priority_tree.h"

typedef float f32x4 __attribute__((vector_size(16), aligned(16)));

// Descents or updates at a time: enough to hide the latency of memory, small enough for the stack.
#define BLOCK 256

size_t rookery_tree_layout(rookery_tree *tree, size_t capacity) {
  size_t nodes = (capacity + 7) & ~(size_t)7;
  size_t total = 0;
  size_t level = 0;
  for (;;) {
    tree->offsets[level++] = total;
    total += nodes;
    if (nodes <= 8) break;
    nodes = ((nodes >> 3) + 7) & ~(size_t)7;
  }
  tree->level_count = level;
  return total;
}

// The order of additions is fixed, so every machine computes the same sums.
static inline float group_sum(const float *group) {
  f32x4 half = *(const f32x4 *)group + *(const f32x4 *)(group + 4);
  return (half[0] + half[2]) + (half[1] + half[3]);
}

double rookery_tree_total(const rookery_tree *tree) {
  const float *top = tree->nodes + tree->offsets[tree->level_count - 1];
  double total = 0;
  for (int child = 0; child < 8; child++) total += (double)top[child];
  return total;
}

static void update_block(const rookery_tree *tree, const uint32_t *slots, const float *weights, size_t count) {
  uint32_t nodes[BLOCK];
  float *leaves = tree->nodes;
  for (size_t i = 0; i < count; i++) {
    leaves[slots[i]] = weights[i];
    nodes[i] = slots[i];
  }
  for (size_t level = 0; level + 1 < tree->level_count; level++) {
    const float *children = tree->nodes + tree->offsets[level];
    float *parents = tree->nodes + tree->offsets[level + 1];
    uint32_t previous = UINT32_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
      uint32_t parent = nodes[i] >> 3;
      if (parent == previous) continue;
      parents[parent] = group_sum(children + (size_t)parent * 8);
      nodes[kept++] = parent;
      previous = parent;
    }
    count = kept;
  }
}

void rookery_tree_update(const rookery_tree *tree, const uint32_t *slots, const float *weights, size_t count) {
  for (size_t start = 0; start < count; start += BLOCK) {
    size_t size = count - start < BLOCK ? count - start : BLOCK;
    update_block(tree, slots + start, weights + start, size);
  }
}

void rookery_tree_clear(const rookery_tree *tree, size_t first, size_t count) {
  if (count == 0) return;
  size_t last = first + count - 1;
  for (size_t i = first; i <= last; i++) tree->nodes[i] = 0;
  for (size_t level = 0; level + 1 < tree->level_count; level++) {
    const float *children = tree->nodes + tree->offsets[level];
    float *parents = tree->nodes + tree->offsets[level + 1];
    first >>= 3;
    last >>= 3;
    for (size_t i = first; i <= last; i++) parents[i] = group_sum(children + i * 8);
  }
}

// One step of a descent. It chooses the first child with positive weight whose prefix sum exceeds the target, else
// the last child with positive weight. (A prefix sum made by doubling strides is not monotone, so the first test
// alone could enter a child of weight 0.) Prefix sums are float64, and all paths add in the same order. (An AVX-512
// step, with the whole group in one register, had a third of the AVX2 step's speed.)
static inline uint32_t choose(uint32_t hits, uint32_t positive) {
  if (__builtin_expect(hits != 0, 1)) return (uint32_t)__builtin_ctz(hits);
  return positive ? 31u - (uint32_t)__builtin_clz(positive) : 0u;
}

static inline uint32_t step_portable(const float *group, double *target) {
  double prefix[9];
  prefix[0] = 0;
  for (int i = 0; i < 8; i++) prefix[i + 1] = (double)group[i];
  for (int stride = 1; stride < 8; stride <<= 1) {
    for (int i = 8; i > stride; i--) prefix[i] += prefix[i - stride];
  }
  uint32_t hits = 0, positive = 0;
  for (int i = 0; i < 8; i++) {
    positive |= (uint32_t)(group[i] > 0) << i;
    hits |= (uint32_t)(prefix[i + 1] > *target) << i;
  }
  uint32_t child = choose(hits & positive, positive);
  *target -= prefix[child];
  return child;
}

// Descends level by level over a block, so that the block's cache misses overlap.
#define DEFINE_DESCEND(name, attribute, step)                                                                 \
  attribute static void name(const rookery_tree *tree, double *targets, uint32_t *slots, float *weights,      \
                             size_t count) {                                                                  \
    for (size_t i = 0; i < count; i++) slots[i] = 0;                                                          \
    for (size_t level = tree->level_count; level-- > 0;) {                                                    \
      const float *nodes = tree->nodes + tree->offsets[level];                                                \
      const float *below = level ? tree->nodes + tree->offsets[level - 1] : nodes;                            \
      for (size_t i = 0; i < count; i++) {                                                                    \
        size_t group = (size_t)slots[i] * 8;                                                                  \
        size_t chosen = group + step(nodes + group, &targets[i]);                                             \
        slots[i] = (uint32_t)chosen;                                                                          \
        if (level) __builtin_prefetch(below + chosen * 8);                                                    \
      }                                                                                                       \
    }                                                                                                         \
    for (size_t i = 0; i < count; i++) weights[i] = tree->nodes[slots[i]];                                    \
  }

DEFINE_DESCEND(descend_portable, , step_portable)

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline uint32_t step_avx2(const float *group, double *target) {
  __m256 weights = _mm256_load_ps(group);
  __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(weights));
  __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(weights, 1));
  // Strides 1, 2, 4.
  __m256d low2 = _mm256_permute2f128_pd(low, low, 0x08);
  __m256d high2 = _mm256_permute2f128_pd(low, high, 0x21);
  high = _mm256_add_pd(high, _mm256_shuffle_pd(high2, high, 0x5));
  low = _mm256_add_pd(low, _mm256_shuffle_pd(low2, low, 0x5));
  low2 = _mm256_permute2f128_pd(low, low, 0x08);
  high2 = _mm256_permute2f128_pd(low, high, 0x21);
  high = _mm256_add_pd(high, high2);
  low = _mm256_add_pd(low, low2);
  high = _mm256_add_pd(high, low);
  __m256d wanted = _mm256_set1_pd(*target);
  uint32_t hits = (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(low, wanted, _CMP_GT_OQ))
      | (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(high, wanted, _CMP_GT_OQ)) << 4;
  uint32_t positive = (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(weights, _mm256_setzero_ps(), _CMP_GT_OQ));
  uint32_t child = choose(hits & positive, positive);
  double prefix[9];
  prefix[0] = 0;
  _mm256_storeu_pd(prefix + 1, low);
  _mm256_storeu_pd(prefix + 5, high);
  *target -= prefix[child];
  return child;
}

DEFINE_DESCEND(descend_avx2, AVX2, step_avx2)
#endif

rookery_tree_path rookery_tree_best_path(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) return ROOKERY_TREE_AVX2;
#endif
  return ROOKERY_TREE_PORTABLE;
}

void rookery_tree_descend(const rookery_tree *tree, rookery_tree_path path, double *targets, uint32_t *slots,
                          float *weights, size_t count) {
  for (size_t start = 0; start < count; start += BLOCK) {
    size_t size = count - start < BLOCK ? count - start : BLOCK;
    switch (path) {
#if defined(__x86_64__)
    case ROOKERY_TREE_AVX2: descend_avx2(tree, targets + start, slots + start, weights + start, size); break;
#endif
    default: descend_portable(tree, targets + start, slots + start, weights + start, size); break;
    }
  }
}
