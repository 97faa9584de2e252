// The product for one instruction set; product.c includes this file once for each.
// Needs: LEVEL(name), TARGET, LANES (floats in a register), VECTORS (registers in a row of a tile).
// A tile is up to 6 rows of VECTORS registers: 24 sums with 32 registers, 12 with 16. That hides the latency of a
// fused multiply-add (4 cycles, 2 a cycle) and leaves registers for the operands.

#define PANEL (LANES * VECTORS)

typedef float LEVEL(vector) __attribute__((vector_size(LANES * 4)));
typedef int32_t LEVEL(mask) __attribute__((vector_size(LANES * 4)));
typedef float LEVEL(loose) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

struct LEVEL(tile) {
  const float *a[6];
  float *c[6];
  const float *b;
  size_t segments, depth, a_stride, a_segment, b_stride, b_segment;
  const float *bias;
  int accumulate, relu;
  size_t width;
};

#define INLINE static inline __attribute__((always_inline)) TARGET

INLINE void LEVEL(finish)(LEVEL(vector) sum, const struct LEVEL(tile) * t, float *c, size_t column) {
  const size_t left = t->width - column;
  if (left >= LANES) {
    if (t->accumulate) sum += *(const LEVEL(loose) *)(c + column);
    if (t->bias) sum += *(const LEVEL(loose) *)(t->bias + column);
    // A mask and not a maximum, which would hide a NaN.
    if (t->relu) sum = (LEVEL(vector))(~(sum < (LEVEL(vector)){0}) & (LEVEL(mask))sum);
    *(LEVEL(loose) *)(c + column) = sum;
    return;
  }
  for (size_t j = 0; j < left; j++) {
    float value = sum[j];
    if (t->accumulate) value += c[column + j];
    if (t->bias) value += t->bias[column + j];
    c[column + j] = t->relu && value < 0 ? 0 : value;
  }
}

INLINE void LEVEL(run)(const int rows, const int vectors, const int columns, const struct LEVEL(tile) * t) {
  LEVEL(vector) sum[6][VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sum[i][v] = (LEVEL(vector)){0};

  for (size_t segment = 0; segment < t->segments; segment++) {
    const float *b = t->b + segment * t->b_segment;
    const float *a[6];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) a[i] = t->a[i] + segment * t->a_segment;
    const size_t depth = t->depth, a_stride = t->a_stride, b_stride = t->b_stride;
    for (size_t d = 0; d < depth; d++) {
      LEVEL(vector) right[VECTORS];
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) right[v] = *(const LEVEL(loose) *)(b + v * LANES);
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++) {
        const float left = columns ? a[0][i] : a[i][d];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) sum[i][v] += left * right[v];
      }
      b += b_stride;
      if (columns) a[0] += a_stride;
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      if ((size_t)v * LANES < t->width) LEVEL(finish)(sum[i][v], t, t->c[i], (size_t)v * LANES);
}

#define TILE(rows, vectors)                                                                                   \
  static TARGET __attribute__((noinline)) void LEVEL(rows##x##vectors)(const struct LEVEL(tile) * t) {        \
    LEVEL(run)(rows, vectors, 0, t);                                                                          \
  }                                                                                                           \
  static TARGET __attribute__((noinline)) void LEVEL(columns##rows##x##vectors)(const struct LEVEL(tile) * t) { \
    LEVEL(run)(rows, vectors, 1, t);                                                                          \
  }
#define TILES(vectors) TILE(6, vectors) TILE(4, vectors) TILE(2, vectors) TILE(1, vectors)
TILES(1)
TILES(2)
#if VECTORS == 4
TILES(3)
TILES(4)
#endif

typedef void (*LEVEL(function))(const struct LEVEL(tile) *);

static LEVEL(function) LEVEL(choose)(size_t rows, size_t vectors, int columns) {
#define ROW(v)                                                                               \
  {{LEVEL(1x##v), LEVEL(2x##v), LEVEL(4x##v), LEVEL(6x##v)},                                 \
   {LEVEL(columns1x##v), LEVEL(columns2x##v), LEVEL(columns4x##v), LEVEL(columns6x##v)}}
  static const LEVEL(function) table[VECTORS][2][4] = {
      ROW(1), ROW(2),
#if VECTORS == 4
      ROW(3), ROW(4),
#endif
  };
#undef ROW
  return table[vectors - 1][columns ? 1 : 0][rows == 6 ? 3 : rows == 4 ? 2 : rows - 1];
}

/// Larger depths are done in blocks, so that a block of b (64 KB at most) stays in the cache while all rows use it.
#define BLOCK 256

static TARGET void LEVEL(multiply)(const struct rookery_product *p) {
  const size_t total = p->segments * p->depth;
  const size_t block = p->segments == 1 ? BLOCK : p->depth;
  for (size_t column = 0; column < p->n; column += PANEL) {
    const size_t width = p->n - column < PANEL ? p->n - column : PANEL;
    const size_t vectors = (width + LANES - 1) / LANES;
    const size_t b_stride = p->b_stride ? p->b_stride : vectors * LANES;
    const float *panel = p->b_stride ? p->b + column : p->b + column * total;
    for (size_t start = 0; start < p->depth; start += block) {
      const int is_last = start + block >= p->depth;
      struct LEVEL(tile) t;
      t.b = panel + start * b_stride;
      t.segments = p->segments;
      t.depth = is_last ? p->depth - start : block;
      t.a_stride = p->a_stride;
      t.a_segment = p->a_segment;
      t.b_stride = b_stride;
      t.b_segment = p->b_stride ? p->b_segment : p->depth * b_stride;
      t.bias = is_last && p->bias ? p->bias + column : NULL;
      t.relu = is_last && p->relu;
      t.accumulate = p->accumulate || start > 0;
      t.width = width;
      for (size_t row = 0; row < p->m;) {
        const size_t left = p->m - row;
        const size_t rows = left >= 6 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        for (size_t i = 0; i < rows; i++) {
          const size_t offset = p->a_offsets ? (size_t)p->a_offsets[row + i] : (row + i) * p->a_stride;
          t.a[i] = p->a_columns ? p->a + row + start * p->a_stride : p->a + offset + start;
          t.c[i] = p->c + column + (p->c_offsets ? (size_t)p->c_offsets[row + i] : (row + i) * p->c_stride);
        }
        LEVEL(choose)(rows, vectors, p->a_columns)(&t);
        row += rows;
      }
    }
  }
}

static TARGET void LEVEL(pack)(float *packed, const float *b, size_t stride, size_t k, size_t n) {
  for (size_t column = 0; column < n; column += PANEL) {
    const size_t width = n - column < PANEL ? n - column : PANEL;
    const size_t padded = (width + LANES - 1) / LANES * LANES;
    float *out = packed + column * k;
    for (size_t row = 0; row < k; row++, out += padded) {
      const float *in = b + row * stride + column;
      if (width == PANEL) {
        for (size_t v = 0; v < PANEL; v += LANES) *(LEVEL(loose) *)(out + v) = *(const LEVEL(loose) *)(in + v);
      } else {
        for (size_t j = 0; j < width; j++) out[j] = in[j];
        for (size_t j = width; j < padded; j++) out[j] = 0;
      }
    }
  }
}

#if LANES == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#endif

/// Transposes LANES x LANES floats in log2(LANES) rounds. Each interleaves row i with row i + LANES / 2.
INLINE void LEVEL(transpose)(float *out, size_t out_stride, const float *in, size_t in_stride) {
  LEVEL(vector) x[LANES], y[LANES];
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES; i++) x[i] = *(const LEVEL(loose) *)(in + i * in_stride);
#pragma clang loop unroll(full)
  for (int round = 1; round < LANES; round *= 2) {
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES / 2; i++) {
      y[2 * i] = __builtin_shufflevector(x[i], x[i + LANES / 2], LOW);
      y[2 * i + 1] = __builtin_shufflevector(x[i], x[i + LANES / 2], HIGH);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES; i++) x[i] = y[i];
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES; i++) *(LEVEL(loose) *)(out + i * out_stride) = x[i];
}

static TARGET void LEVEL(pack_transposed)(float *packed, const float *w, size_t stride, size_t k, size_t n) {
  for (size_t column = 0; column < n; column += PANEL) {
    const size_t width = n - column < PANEL ? n - column : PANEL;
    const size_t padded = (width + LANES - 1) / LANES * LANES;
    for (size_t part = 0; part < padded; part += LANES) {
      const size_t columns = width - part < LANES ? width - part : LANES;
      const float *in = w + (column + part) * stride;
      float *out = packed + column * k + part;
      size_t row = 0;
      if (columns == LANES)
        for (; row + LANES <= k; row += LANES) LEVEL(transpose)(out + row * padded, padded, in + row, stride);
      for (; row < k; row++)
        for (size_t j = 0; j < LANES; j++) out[row * padded + j] = j < columns ? in[j * stride + row] : 0;
    }
  }
}

#undef LOW
#undef HIGH
#undef TILE
#undef TILES
#undef INLINE
#undef BLOCK
#undef PANEL
#undef LEVEL
#undef TARGET
#undef LANES
#undef VECTORS
