/// Phases of a strided convolution, and which of them have a part in each position of a Winograd algorithm.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <weir/core/kernels/micro/winograd_matrices.hpp>

namespace weir::kernels::winograd {

/// A K x K convolution of stride S = 1 or 2, Y x Y outputs at a time. With S = 2, y is the sum of four convolutions of
/// stride 1, one for each phase of x: its pixels of even or odd rows and columns, with every second weight each way
/// (the polyphase decomposition). All are transformed for T weights each way, those of even pixels. Those of odd ones
/// are one less, K being odd; so the last is 0, and such a phase has no part in the last position of its direction.
struct Phases {
  int Y, S, K;
  int T = (K + S - 1) / S, N = Y + T - 1, positions = N * N, phases = S * S;
  /// Products of one tile and channel, over all positions and phases.
  int products = S == 1 ? positions : (2 * N - 1) * (2 * N - 1);

  /// Positions are of one kind whose products go over the same phases: the last row's (2), the last column's (1), both.
  int kind_of(std::int64_t position) const {
    return S == 1 ? 0 : (position / N == N - 1 ? 2 : 0) + (position % N == N - 1 ? 1 : 0);
  }
  static bool has_part(int phase, int kind) { return (phase & kind) == 0; }
  std::int64_t products_at(int kind) const { return S == 1 ? 1 : 4 >> (kind / 2 + kind % 2); }
  /// Products of one tile and channel before a position.
  std::int64_t products_before(std::int64_t position) const {
    if (S == 1) return position;
    const std::int64_t row = position / N, column = position % N;
    return row * (4 * N - 2) + column * products_at(row == N - 1 ? 2 : 0);
  }

  /// The transformed weights of a phase, u [N, N], from one kernel [K, K].
  void transform(const float* weights, int phase, float* u) const {
    if (Y == 2 && T == 2) return transform_of<2, 2>(weights, phase, u);
    if (Y == 2 && T == 3) return transform_of<2, 3>(weights, phase, u);
    if (Y == 4 && T == 2) return transform_of<4, 2>(weights, phase, u);
    if (Y == 4 && T == 3) return transform_of<4, 3>(weights, phase, u);
    transform_of<4, 4>(weights, phase, u);
  }

 private:
  template <int Y_, int T_>
  void transform_of(const float* weights, int phase, float* u) const {
    std::array<std::array<float, T_>, T_> kernel{};
    for (int r = 0; r < T_; ++r)
      for (int s = 0; s < T_; ++s) {
        const int i = S * r + phase / 2, j = S * s + phase % 2;
        if (i < K && j < K) kernel[static_cast<std::size_t>(r)][static_cast<std::size_t>(s)] = weights[K * i + j];
      }
    const auto transformed = transform_weights<Y_, T_>(kernel);
    std::copy(transformed.begin(), transformed.end(), u);
  }
};

/// Most positions of any of them: Y = 4, S = 2, K = 7.
inline constexpr int most_positions = 49, most_phases = 4;

}  // namespace weir::kernels::winograd
