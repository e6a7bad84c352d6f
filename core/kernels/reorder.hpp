/// Tensors from one layout to the other.
#pragma once
#include <algorithm>
#include <weir/core/context.hpp>
#include <weir/core/kernels/micro/list.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// What a blocked tensor of this shape is to kernels that know nothing of blocks: [N, ceil(C / L), pixels, L].
inline Shape blocked_shape(const Shape& shape, Isa isa) {
  const std::int64_t L = lanes(isa);
  return {shape[0], round_up(shape[1], L) / L, shape.product(2, shape.rank()), L};
}

/// True if tensors of this shape are the same floats in both layouts.
inline bool same_in_both(const Shape& shape, Isa isa) {
  return shape.product(2, shape.rank()) == 1 && shape[1] % lanes(isa) == 0;
}

/// Calls f(plane, first channel, channels) for the blocks of channels of all images, shared among the threads.
inline void for_all_blocks(const Context& context, const Shape& shape,
                           detail::FunctionRef<std::int64_t, std::int64_t, std::int64_t> f) {
  const Shape b = blocked_shape(shape, context.isa());
  const double operations = detail::machine_costs.copy_operations * static_cast<double>(b.numel());
  share(context.pool(), b[0] * b[1], operations, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::int64_t channel = plane % b[1] * b[3];
      f(plane, plane / b[1] * shape[1] + channel, std::min(b[3], shape[1] - channel));
    }
  });
}

/// Calls f(plane, first, last) for rows first .. last-1 of every block of channels, `rows` in all, of all images.
/// Threads take rows of every block where there is one image, as convolutions do, so that each finds in its cache what
/// it wrote; else images. floats: how many each row takes to compute.
inline void for_all_rows(const Context& context, const Shape& shape, std::int64_t rows, std::int64_t floats,
                         detail::FunctionRef<std::int64_t, std::int64_t, std::int64_t> f) {
  const std::int64_t blocks = blocked_shape(shape, context.isa())[1], planes = shape[0] * blocks;
  const double operations = detail::machine_costs.copy_operations * static_cast<double>(planes * rows * floats);
  if (shape[0] > 1 || rows < context.threads()) {
    share(context.pool(), planes, operations, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      for (std::int64_t plane = first; plane < last; ++plane) f(plane, 0, rows);
    });
    return;
  }
  share(context.pool(), rows, operations, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t plane = 0; plane < planes; ++plane) f(plane, first, last);
  });
}

/// to = from, a tensor [N, C, ...] of this shape, blocked. The channels behind C become 0.
inline void to_blocked(const Context& context, const Shape& shape, const float* from, float* to) {
  const Microkernels& micro = microkernels(context.isa());
  const std::int64_t L = micro.lanes, pixels = shape.product(2, shape.rank());
  for_all_blocks(context, shape, [&](std::int64_t plane, std::int64_t channel, std::int64_t channels) {
    float* out = to + plane * pixels * L;
    if (channels < L) std::fill_n(out, pixels * L, 0.0F);
    micro.transpose(from + channel * pixels, pixels, channels, pixels, out, L);
  });
}

/// to = from, a blocked tensor [N, C, ...] of this shape, plain.
inline void to_plain(const Context& context, const Shape& shape, const float* from, float* to) {
  const Microkernels& micro = microkernels(context.isa());
  const std::int64_t L = micro.lanes, pixels = shape.product(2, shape.rank());
  for_all_blocks(context, shape, [&](std::int64_t plane, std::int64_t channel, std::int64_t channels) {
    for (std::int64_t p = 0; p < pixels; p += L)
      micro.transpose(from + (plane * pixels + p) * L, L, std::min(L, pixels - p), channels, to + channel * pixels + p,
                      pixels);
  });
}

}  // namespace weir::kernels
