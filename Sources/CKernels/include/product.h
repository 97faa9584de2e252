// Matrix products of float32 for the sizes of reinforcement learning: small batches, weights packed once, convolutions
// without im2col.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// The instruction sets of a product; higher is faster. The machine decides which exist.
enum { ROOKERY_LEVEL_PORTABLE = 0, ROOKERY_LEVEL_AVX2 = 1, ROOKERY_LEVEL_AVX512 = 2 };

/// The best level of this machine.
int rookery_level(void);

/// c[m, n] (+)= a[m, k] · b[k, n], row by row, all float32.
///
/// The depth k is `segments` runs of `depth`: value d of run s of row i of `a` lies at
/// `a + a_offset(i) + s * a_segment + d` (or, if `a_columns`, at `a + i + s * a_segment + d * a_stride`).
/// Offsets come from the tables if given, else they are i * stride. So a convolution reads its patches in place.
struct rookery_product {
  size_t m, n, segments, depth;
  const float *a;
  size_t a_stride, a_segment;
  const int32_t *a_offsets;
  int a_columns;
  /// Packed by rookery_pack or rookery_pack_transposed if b_stride is 0. Else row d of run s begins at
  /// `b + s * b_segment + d * b_stride`, and up to 63 floats behind the last row's end are read (and ignored).
  const float *b;
  size_t b_stride, b_segment;
  /// Rows may overlap when accumulating.
  float *c;
  size_t c_stride;
  const int32_t *c_offsets;
  int accumulate;
  /// Added to every row if not null, then negatives become 0 if relu.
  const float *bias;
  int relu;
};

/// Floats that a packed [k, n] matrix takes, at any level.
static inline size_t rookery_packed_count(size_t k, size_t n) { return k * ((n + 15) / 16 * 16); }

/// Packs b [k, n] (rows apart by `stride`) for products at `level`.
void rookery_pack(int level, float *packed, const float *b, size_t stride, size_t k, size_t n);

/// Packs the transpose of w [n, k] (rows apart by `stride`), so that the packed matrix is [k, n].
void rookery_pack_transposed(int level, float *packed, const float *w, size_t stride, size_t k, size_t n);

/// Computes one product at a level of this machine.
void rookery_multiply(int level, const struct rookery_product *product);
