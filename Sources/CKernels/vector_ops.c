// Loops over flat float32 arrays, compiled for each x86-64 level.
#include "vector_ops.h"

#include "clones.h"

#include <string.h>

ROOKERY_CLONES
void rookery_adam_step(float *restrict parameters, float *restrict first, float *restrict second,
                       const float *restrict gradients, size_t count, const struct rookery_adam *adam) {
  const float blend1 = adam->blend1, keep2 = adam->keep2, blend2 = adam->blend2;
  const float step_size = adam->step_size, scale2 = adam->second_moment_scale;
  const float epsilon = adam->epsilon, scale = adam->gradient_scale;
  for (size_t i = 0; i < count; i++) {
    const float gradient = gradients[i] * scale;
    const float m = first[i] + blend1 * (gradient - first[i]);
    const float v = keep2 * second[i] + blend2 * gradient * gradient;
    first[i] = m;
    second[i] = v;
    // The elementwise form does not set errno, so the loop stays a vector loop.
    parameters[i] -= step_size * m / (__builtin_elementwise_sqrt(v) * scale2 + epsilon);
  }
}

ROOKERY_CLONES
void rookery_sgd_step(float *restrict parameters, float *restrict velocity, const float *restrict gradients,
                      size_t count, float momentum, float step_size, float gradient_scale) {
  if (!velocity) {
    for (size_t i = 0; i < count; i++) parameters[i] -= step_size * (gradients[i] * gradient_scale);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    const float v = momentum * velocity[i] + gradients[i] * gradient_scale;
    velocity[i] = v;
    parameters[i] -= step_size * v;
  }
}

ROOKERY_CLONES
void rookery_rmsprop_step(float *restrict parameters, float *restrict square, float *restrict buffer,
                          const float *restrict gradients, size_t count, const struct rookery_rmsprop *rmsprop) {
  const float keep = rmsprop->keep, blend = rmsprop->blend, epsilon = rmsprop->epsilon;
  const float momentum = rmsprop->momentum, step_size = rmsprop->step_size, scale = rmsprop->gradient_scale;
  if (!buffer) {
    for (size_t i = 0; i < count; i++) {
      const float gradient = gradients[i] * scale;
      const float v = keep * square[i] + blend * gradient * gradient;
      square[i] = v;
      parameters[i] -= step_size * gradient / (__builtin_elementwise_sqrt(v) + epsilon);
    }
    return;
  }
  for (size_t i = 0; i < count; i++) {
    const float gradient = gradients[i] * scale;
    const float v = keep * square[i] + blend * gradient * gradient;
    const float b = momentum * buffer[i] + gradient / (__builtin_elementwise_sqrt(v) + epsilon);
    square[i] = v;
    buffer[i] = b;
    parameters[i] -= step_size * b;
  }
}

ROOKERY_CLONES
void rookery_accumulate(float *restrict sum, const void *restrict values, float weight, size_t count) {
  // The same bits on every machine.
#pragma clang fp contract(off)
  const unsigned char *bytes = values;
  for (size_t i = 0; i < count; i++) {
    float value;
    memcpy(&value, bytes + i * 4, sizeof value);
    sum[i] += weight * value;
  }
}

ROOKERY_CLONES
int rookery_scale_checked(float *restrict sum, const void *restrict values, float weight, float limit, size_t count) {
  const unsigned char *bytes = values;
  // Of positive floats, and of NaN beyond them, the order is that of their bits.
  uint32_t bound, most = 0;
  memcpy(&bound, &limit, sizeof bound);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    float value;
    memcpy(&bits, bytes + i * 4, sizeof bits);
    memcpy(&value, &bits, sizeof value);
    sum[i] = weight * value;
    bits &= 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  return most <= bound;
}

ROOKERY_CLONES
void rookery_add_scaled(float *restrict target, const float *restrict sum, float scale, size_t count) {
#pragma clang fp contract(off)
  for (size_t i = 0; i < count; i++) target[i] += scale * sum[i];
}

ROOKERY_CLONES
double rookery_sum_squares(const float *values, size_t count) {
  double sums[16] = {0};
  size_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (size_t j = 0; j < 16; j++) sums[j] += (double)values[i + j] * (double)values[i + j];
  double total = 0;
  for (; i < count; i++) total += (double)values[i] * (double)values[i];
  for (size_t j = 0; j < 16; j++) total += sums[j];
  return total;
}

// The bits without the sign. From the exponent of infinity on, the value is infinite or NaN.
static inline uint32_t magnitude(const unsigned char *value) {
  uint32_t bits;
  memcpy(&bits, value, sizeof bits);
  return bits << 1;
}

static inline uint64_t magnitude_double(const unsigned char *value) {
  uint64_t bits;
  memcpy(&bits, value, sizeof bits);
  return bits & 0x7ff0000000000000u;
}

ROOKERY_CLONES
size_t rookery_first_not_finite(const void *values, size_t count) {
  const unsigned char *bytes = values;
  uint32_t most = 0;
  // A loop without an exit becomes a vector loop. Hardly any column has such a value.
  for (size_t i = 0; i < count; i++) {
    const uint32_t value = magnitude(bytes + i * 4);
    most = value > most ? value : most;
  }
  if (most < 0xff000000u) return count;
  for (size_t i = 0; i < count; i++)
    if (magnitude(bytes + i * 4) >= 0xff000000u) return i;
  return count;
}

ROOKERY_CLONES
size_t rookery_first_not_finite_double(const void *values, size_t count) {
  const unsigned char *bytes = values;
  // Before AVX-512 there is no maximum of 64-bit integers; testing for equality is as fast.
  uint64_t any = 0;
  for (size_t i = 0; i < count; i++) any |= magnitude_double(bytes + i * 8) == 0x7ff0000000000000u ? ~0ull : 0;
  if (!any) return count;
  for (size_t i = 0; i < count; i++)
    if (magnitude_double(bytes + i * 8) == 0x7ff0000000000000u) return i;
  return count;
}

ROOKERY_CLONES
size_t rookery_first_beyond(const void *values, size_t count, float limit) {
  const unsigned char *bytes = values;
  uint32_t bits, most = 0;
  memcpy(&bits, &limit, sizeof bits);
  // Magnitudes of floats have the order of their bits.
  const uint32_t bound = bits << 1;
  for (size_t i = 0; i < count; i++) {
    const uint32_t value = magnitude(bytes + i * 4);
    most = value > most ? value : most;
  }
  if (most <= bound) return count;
  for (size_t i = 0; i < count; i++)
    if (magnitude(bytes + i * 4) > bound) return i;
  return count;
}

ROOKERY_CLONES
void rookery_blend(float *restrict target, const float *restrict source, float fraction, size_t count) {
  for (size_t i = 0; i < count; i++) target[i] += fraction * (source[i] - target[i]);
}

ROOKERY_CLONES
void rookery_relu_backward(float *restrict gradients, const float *restrict outputs, size_t count) {
  for (size_t i = 0; i < count; i++) gradients[i] = outputs[i] <= 0 ? 0 : gradients[i];
}

ROOKERY_CLONES
void rookery_sum_rows(float *restrict sums, const float *restrict values, size_t rows, size_t columns,
                      int accumulate) {
  if (!accumulate)
    for (size_t j = 0; j < columns; j++) sums[j] = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++) sums[j] += values[i * columns + j];
}

ROOKERY_CLONES
void rookery_scale_bytes(float *restrict output, const uint8_t *restrict input, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) output[i] = scale * (float)input[i];
}

ROOKERY_CLONES
void rookery_interleave_bytes(float *restrict output, const uint8_t *restrict input, float scale, size_t planes,
                              size_t pixels) {
  if (planes == 4) {  // four stacked frames: the case of every Atari network
    for (size_t i = 0; i < pixels; i++)
      for (size_t plane = 0; plane < 4; plane++) output[i * 4 + plane] = scale * (float)input[plane * pixels + i];
    return;
  }
  for (size_t plane = 0; plane < planes; plane++)
    for (size_t i = 0; i < pixels; i++) output[i * planes + plane] = scale * (float)input[plane * pixels + i];
}

ROOKERY_CLONES
void rookery_interleave_floats(float *restrict output, const float *restrict input, size_t planes,
                               size_t pixels) {
  for (size_t plane = 0; plane < planes; plane++)
    for (size_t i = 0; i < pixels; i++) output[i * planes + plane] = input[plane * pixels + i];
}
