// Loops over flat float32 arrays.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rookery_adam {
  /// 1 - beta1, beta2 and 1 - beta2.
  float blend1, keep2, blend2;
  float epsilon;
  /// The learning rate over 1 - beta1^t, and 1 over the root of 1 - beta2^t.
  float step_size, second_moment_scale;
  /// Every gradient is multiplied by this first (clipping).
  float gradient_scale;
};

/// One Adam step over all parameters.
void rookery_adam_step(float *parameters, float *first, float *second, const float *gradients, size_t count,
                       const struct rookery_adam *adam);

/// One step of stochastic gradient descent over all parameters; without momentum `velocity` may be null.
void rookery_sgd_step(float *parameters, float *velocity, const float *gradients, size_t count, float momentum,
                      float step_size, float gradient_scale);

struct rookery_rmsprop {
  /// alpha and 1 - alpha.
  float keep, blend;
  float epsilon, momentum, step_size;
  /// Every gradient is multiplied by this first (clipping).
  float gradient_scale;
};

/// One RMSProp step over all parameters; without momentum `buffer` may be null.
void rookery_rmsprop_step(float *parameters, float *square, float *buffer, const float *gradients, size_t count,
                          const struct rookery_rmsprop *rmsprop);

/// sum += weight * values, where values may be unaligned.
void rookery_accumulate(float *sum, const void *values, float weight, size_t count);

/// sum = weight * values, where values may be unaligned. 0 if a value is NaN or its magnitude is above `limit`; then the
/// sum is undefined.
int rookery_scale_checked(float *sum, const void *values, float weight, float limit, size_t count);

/// target += scale * sum.
void rookery_add_scaled(float *target, const float *sum, float scale, size_t count);

/// The sum of squares, in float64; not finite if any value is not.
double rookery_sum_squares(const float *values, size_t count);

/// The index of the first value that is NaN or infinite in an unaligned little-endian column; `count` if there is none.
/// For float32, then for float64.
size_t rookery_first_not_finite(const void *values, size_t count);
size_t rookery_first_not_finite_double(const void *values, size_t count);

/// The index of the first float32 whose magnitude is above `limit` or that is NaN; `count` if there is none.
size_t rookery_first_beyond(const void *values, size_t count, float limit);

/// target += fraction * (source - target).
void rookery_blend(float *target, const float *source, float fraction, size_t count);

/// Sets gradients to 0 where the rectifier's output is ≤ 0.
void rookery_relu_backward(float *gradients, const float *outputs, size_t count);

/// sums[j] (+)= the sum over rows of values[row, j].
void rookery_sum_rows(float *sums, const float *values, size_t rows, size_t columns, int accumulate);

/// output = scale * input.
void rookery_scale_bytes(float *output, const uint8_t *input, float scale, size_t count);

/// output[pixel, plane] = scale * input[plane, pixel]; floats are not scaled.
void rookery_interleave_bytes(float *output, const uint8_t *input, float scale, size_t planes, size_t pixels);
void rookery_interleave_floats(float *output, const float *input, size_t planes, size_t pixels);
