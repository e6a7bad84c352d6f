/// Feature group "image": statistics of what the first network reads.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <weir/policy/features/feature_group.hpp>

namespace weir {

/// Statistics of an input x [C, H, W] are of at most so many rows and columns, evenly spread.
inline constexpr std::int64_t max_statistics_side = 64;
/// More channels than this are no image.
inline constexpr std::size_t max_image_channels = 4;

namespace detail {

inline constexpr std::size_t luminance_bins = 32;

/// The pixels looked at: every step-th row and column.
struct ImageGrid {
  std::int64_t channels, height, width, step;

  explicit ImageGrid(const Shape& shape)
      : channels(shape[0]),
        height(shape[1]),
        width(shape[2]),
        step((std::max(height, width) + max_statistics_side - 1) / max_statistics_side) {}
};

/// Mean and deviation of one channel over the grid; sums are of differences to the first pixel, which lose nothing
/// where all values are far from 0.
inline std::array<double, 2> moments(const float* x, const ImageGrid& g) {
  const double first = static_cast<double>(*x);
  double sum = 0, squares = 0, n = 0;
  for (std::int64_t i = 0; i < g.height; i += g.step)
    for (std::int64_t j = 0; j < g.width; j += g.step, ++n) {
      const double v = static_cast<double>(x[i * g.width + j]) - first;
      sum += v;
      squares += v * v;
    }
  return {first + sum / n, std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)))};
}

/// Mean of the channels at one pixel.
inline float luminance(const float* x, const ImageGrid& g, std::int64_t at) {
  float sum = x[at];
  for (std::int64_t c = 1; c < g.channels; ++c) sum += x[c * g.height * g.width + at];
  return sum / static_cast<float>(g.channels);
}

/// out: edge energy, entropy, share of saturated pixels.
inline void luminance_statistics(const float* x, const ImageGrid& g, std::span<double> out) {
  float low = luminance(x, g, 0), high = low;
  double edges = 0, n = 0;
  for (std::int64_t i = 0; i < g.height; i += g.step)
    for (std::int64_t j = 0; j < g.width; j += g.step, ++n) {
      const std::int64_t at = i * g.width + j;
      const float here = luminance(x, g, at);
      const float right = j + 1 < g.width ? luminance(x, g, at + 1) - here : 0;
      const float down = i + 1 < g.height ? luminance(x, g, at + g.width) - here : 0;
      edges += static_cast<double>(right * right + down * down);
      low = std::min(low, here);
      high = std::max(high, here);
    }
  out[0] = edges / n;
  out[1] = out[2] = 0;
  const float range = high - low;
  if (!(range > 0) || !std::isfinite(range)) {  // one colour, or something that is refused for its mean
    out[2] = 1;
    return;
  }
  std::array<std::uint32_t, luminance_bins> count{};
  std::uint32_t saturated = 0;
  const float scale = static_cast<float>(luminance_bins) / range, margin = range / 256;
  for (std::int64_t i = 0; i < g.height; i += g.step)
    for (std::int64_t j = 0; j < g.width; j += g.step) {
      const float v = luminance(x, g, i * g.width + j);
      ++count[static_cast<std::size_t>(std::clamp((v - low) * scale, 0.0F, static_cast<float>(luminance_bins - 1)))];
      if (v - low < margin || high - v < margin) ++saturated;
    }
  for (const std::uint32_t c : count)
    if (c > 0) out[1] -= static_cast<double>(c) / n * std::log(static_cast<double>(c) / n);
  out[2] = static_cast<double>(saturated) / n;
}

}  // namespace detail

/// Of the network's input x [C, H, W] as preprocessing made it, with Y the mean of its channels:
///
///     image_mean_c, image_deviation_c   of channel c (C at most 4)
///     image_edge_energy                 mean of (Y_i,j+1 - Y_ij)^2 + (Y_i+1,j - Y_ij)^2, 0 beyond the border
///     image_entropy                     entropy in nats of a histogram of Y with 32 bins between its least and its
///                                       largest value: 0 for one colour, at most ln 32
///     image_saturated                   share of pixels within 1/256 of that range from either end
///
/// over every s-th row and column, s = ceil(max(H, W) / 64), so that the cost is bounded: about 12 C + 30 operations
/// for each of at most 4096 pixels. They belong to the first stage; later gates see them as its features.
inline constexpr FeatureGroup image_group{
    "image",
    "mean, deviation, edge energy, entropy, saturation of the first network's input",
    FeatureInput::image,
    [](const FeatureLayout& l) {
      std::vector<std::string> names;
      if (l.image_channels == 0) return names;
      for (const char* what : {"image_mean_", "image_deviation_"})
        for (std::size_t c = 0; c < l.image_channels; ++c) names.push_back(what + std::to_string(c));
      for (const char* what : {"image_edge_energy", "image_entropy", "image_saturated"}) names.emplace_back(what);
      return names;
    },
    [](std::string_view name) {
      return detail::is_numbered(name, "image_mean_") || detail::is_numbered(name, "image_deviation_") ||
             name == "image_edge_energy" || name == "image_entropy" || name == "image_saturated";
    },
    [](const FeatureLayout& l, FeatureSource& s, std::span<double> out) {
      const detail::ImageGrid grid(s.image_shape);
      const std::size_t C = l.image_channels;
      for (std::size_t c = 0; c < C; ++c) {
        const auto [mean, deviation] =
            detail::moments(s.image + c * static_cast<std::size_t>(grid.height * grid.width), grid);
        out[c] = mean;
        out[C + c] = deviation;
      }
      detail::luminance_statistics(s.image, grid, out.subspan(2 * C));
    },
    [](const FeatureLayout& l) {
      return static_cast<double>(std::min<std::size_t>(l.image_pixels, 4096) * (12 * l.image_channels + 30));
    },
};

}  // namespace weir
