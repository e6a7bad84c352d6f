/// Phases of a strided convolution, and which of them have a part in each position of a Winograd algorithm.
#pragma once
#include <cstdint>
#include <weir/core/kernels/micro/winograd_matrices.hpp>

namespace weir::kernels::winograd {

/// A K x K convolution of stride S = 1 or 2, Y x Y outputs at a time. With S = 2, y is the sum of four convolutions of
/// stride 1, one for each phase of x: its pixels of even or odd rows and columns, with every second weight each way
/// (the polyphase decomposition). All are transformed for T weights each way, those of even pixels. Those of odd ones
/// are one less, K being odd; so the last is 0, and such a phase has no part in the last position of its direction.
template <int Y, int S, int K>
struct Phases {
  static_assert((S == 1 || S == 2) && K % 2 == 1);
  static constexpr int T = (K + S - 1) / S, N = Y + T - 1, positions = N * N, phases = S * S;
  /// Products of one tile and channel, over all positions and phases.
  static constexpr int products = S == 1 ? positions : (2 * N - 1) * (2 * N - 1);

  /// Positions are of one kind whose products go over the same phases: the last row's (2), the last column's (1), both.
  static constexpr int kind_of(std::int64_t position) {
    return S == 1 ? 0 : (position / N == N - 1 ? 2 : 0) + (position % N == N - 1 ? 1 : 0);
  }
  static constexpr bool has_part(int phase, int kind) { return (phase & kind) == 0; }
  static constexpr std::int64_t products_at(int kind) { return S == 1 ? 1 : 4 >> (kind / 2 + kind % 2); }
  /// Products of one tile and channel before a position.
  static constexpr std::int64_t products_before(std::int64_t position) {
    if (S == 1) return position;
    const std::int64_t row = position / N, column = position % N;
    return row * (4 * N - 2) + column * products_at(row == N - 1 ? 2 : 0);
  }

  /// The transformed weights of a phase, from one kernel [K, K].
  static std::array<float, positions> transform(const float* weights, int phase) {
    std::array<std::array<float, T>, T> kernel{};
    for (std::size_t r = 0; r < T; ++r)
      for (std::size_t s = 0; s < T; ++s) {
        const std::size_t i = S * r + static_cast<std::size_t>(phase / 2),
                          j = S * s + static_cast<std::size_t>(phase % 2);
        if (i < K && j < K) kernel[r][s] = weights[K * i + j];
      }
    return transform_weights<Y, T>(kernel);
  }
};

}  // namespace weir::kernels::winograd
