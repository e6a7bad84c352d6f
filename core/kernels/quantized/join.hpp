/// Joining blocked tensors of 8-bit integers along their channels.
#pragma once
#include <algorithm>
#include <cstring>
#include <weir/core/kernels/quantized/elementwise.hpp>

namespace weir::quantized {

/// Writes the channels of x, [blocks of C channels][pixels][L], to those from `channel` on of y, which is blocked
/// alike; through a table, if there is one. Where a block of x begins within one of y, it is cut in two.
///
///     y:  | c0 .. c9 x0 .. x5 | x6 .. x15 ... |      C = 16, channel = 10, L = 16
inline void join_channels(const Context& context, std::int64_t L, std::int64_t C, std::int64_t pixels,
                          const std::uint8_t* x, const Table* table, std::int64_t channel, std::uint8_t* y) {
  const std::int64_t blocks = (C + L - 1) / L, block = pixels * L;
  kernels::share(context.pool(), blocks, 4.0 * static_cast<double>(C * pixels),
                 [&](std::int64_t, std::int64_t first, std::int64_t last) {
                   for (std::int64_t b = first; b < last; ++b) {
                     const std::int64_t at = channel + b * L, lane = at % L, channels = std::min(L, C - b * L);
                     const std::int64_t head = std::min(channels, L - lane);
                     const std::uint8_t* in = x + b * block;
                     std::uint8_t* out = y + at / L * block + lane;
                     if (table == nullptr && head == L) {
                       if (in != out)
                         std::memcpy(out, in, static_cast<std::size_t>(block));  // else it lies there already
                       continue;
                     }
                     for (std::int64_t p = 0; p < pixels; ++p, in += L, out += L) {
                       const auto value = [&](std::int64_t k) { return table == nullptr ? in[k] : (*table)[in[k]]; };
                       for (std::int64_t k = 0; k < head; ++k) out[k] = value(k);
                       for (std::int64_t k = head; k < channels; ++k) out[block - lane + k - head] = value(k);
                     }
                   }
                 });
}

}  // namespace weir::quantized
