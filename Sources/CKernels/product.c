// Chooses the instruction set of a product.
#include "product.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

#define LEVEL(name) JOIN(portable_, name)
#define TARGET
#define LANES 4
#if defined(__aarch64__)
#define VECTORS 4
#else
#define VECTORS 2
#endif
#include "product_tile.h"

#if defined(__x86_64__)

#define LEVEL(name) JOIN(avx2_, name)
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define LANES 8
#define VECTORS 2
#include "product_tile.h"

#define LEVEL(name) JOIN(avx512_, name)
// Without min_vector_width, clang uses registers of half the size at this level.
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define LANES 16
#define VECTORS 4
#include "product_tile.h"

int rookery_level(void) {
  if (__builtin_cpu_supports("x86-64-v4")) return ROOKERY_LEVEL_AVX512;
  if (__builtin_cpu_supports("x86-64-v3")) return ROOKERY_LEVEL_AVX2;
  return ROOKERY_LEVEL_PORTABLE;
}

#define DISPATCH(call)                                     \
  switch (level) {                                         \
    case ROOKERY_LEVEL_AVX512: JOIN(avx512_, call); break; \
    case ROOKERY_LEVEL_AVX2: JOIN(avx2_, call); break;     \
    default: JOIN(portable_, call);                        \
  }

#else

int rookery_level(void) { return ROOKERY_LEVEL_PORTABLE; }

#define DISPATCH(call) \
  (void)level;         \
  JOIN(portable_, call);

#endif

void rookery_multiply(int level, const struct rookery_product *product) { DISPATCH(multiply(product)) }

void rookery_pack(int level, float *packed, const float *b, size_t stride, size_t k, size_t n) {
  DISPATCH(pack(packed, b, stride, k, n))
}

void rookery_pack_transposed(int level, float *packed, const float *w, size_t stride, size_t k, size_t n) {
  DISPATCH(pack_transposed(packed, w, stride, k, n))
}
