/// Feature group "image": statistics of what the first network reads.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <weir/policy/features/feature_group.hpp>

namespace weir::detail {

/// Statistics of an input x [C, H, W] are of at most this number of rows and columns, evenly spread.
inline constexpr std::int64_t max_statistics_side = 64;
/// More channels than this are no image.
inline constexpr std::size_t max_image_channels = 4;

inline constexpr std::size_t luminance_bins = 16;

/// Sum over i of f(x_i) in sixteen partial sums, so that the compiler may use vectors without changing the order.
template <typename F>
float sum_of(const float* x, std::size_t n, const F& f) {
  float part[16] = {};
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (std::size_t l = 0; l < 16; ++l) part[l] += f(x + i + l);
  for (std::size_t l = 0; i < n; ++i, ++l) part[l] += f(x + i);
  for (std::size_t half = 8; half > 0; half /= 2)
    for (std::size_t l = 0; l < half; ++l) part[l] += part[l + half];
  return part[0];
}

/// Every step-th row and column of [C, H, W], packed.
struct ImageGrid {
  std::size_t height = 0, width = 0;
  std::array<float, static_cast<std::size_t>(max_statistics_side* max_statistics_side)> values;

  std::size_t size() const { return height * width; }

  void pack(const float* x, std::int64_t H, std::int64_t W) {
    const std::int64_t step = (std::max(H, W) + max_statistics_side - 1) / max_statistics_side;
    height = static_cast<std::size_t>((H + step - 1) / step);
    width = static_cast<std::size_t>((W + step - 1) / step);
    if (step == 1) {
      std::copy_n(x, H * W, values.begin());
      return;
    }
    float* to = values.data();
    for (std::int64_t i = 0; i < H; i += step)
      for (std::int64_t j = 0; j < W; j += step) *to++ = x[i * W + j];
  }
};

/// out: mean and deviation, in two passes, so that nothing cancels.
inline void moments(const ImageGrid& g, double& mean, double& deviation) {
  const float* x = g.values.data();
  const auto n = static_cast<float>(g.size());
  const float first = x[0];
  const float m = first + sum_of(x, g.size(), [&](const float* v) { return *v - first; }) / n;
  mean = static_cast<double>(m);
  deviation =
      static_cast<double>(std::sqrt(sum_of(x, g.size(), [&](const float* v) { return (*v - m) * (*v - m); }) / n));
}

/// out: edge energy, entropy, share of saturated pixels.
inline void luminance_statistics(const ImageGrid& g, std::span<double> out) {
  const float* y = g.values.data();
  const std::size_t n = g.size(), w = g.width;
  float edges = sum_of(y, n - w, [&](const float* v) { return (v[w] - *v) * (v[w] - *v); });
  for (std::size_t i = 0; i < g.height; ++i)
    edges += sum_of(y + i * w, w - 1, [](const float* v) { return (v[1] - *v) * (v[1] - *v); });
  out[0] = static_cast<double>(edges / static_cast<float>(n));
  out[1] = 0;
  out[2] = 1;
  float low = y[0], high = y[0];
  for (std::size_t i = 1; i < n; ++i) {
    low = y[i] < low ? y[i] : low;
    high = y[i] > high ? y[i] : high;
  }
  const float range = high - low;
  if (!(range > 1e-30F) || !std::isfinite(range)) return;  // one colour, or edges that are not finite
  // Four histograms in turn: neighbours are often alike, and counting in one bin again has to wait for the last time.
  std::array<std::array<std::uint32_t, luminance_bins + 1>, 4> counts{};
  std::uint32_t saturated = 0;
  const float scale = static_cast<float>(luminance_bins) / range, margin = range / 256;
  for (std::size_t i = 0; i < n; ++i) {
    const float above = y[i] - low;
    ++counts[i % 4][static_cast<std::size_t>(static_cast<std::int32_t>(above * scale))];
    saturated += static_cast<std::uint32_t>(above < margin) | static_cast<std::uint32_t>(range - above < margin);
  }
  std::array<std::uint32_t, luminance_bins> count{};
  for (const auto& part : counts)
    for (std::size_t c = 0; c <= luminance_bins; ++c)  // the largest value belongs to the last bin
      count[std::min(c, luminance_bins - 1)] += part[c];
  const auto total = static_cast<double>(n);
  double sum = 0;
  for (const std::uint32_t c : count)
    if (c > 0) sum += static_cast<double>(c) * std::log(static_cast<double>(c));
  out[1] = std::max(0.0, std::log(total) - sum / total);
  out[2] = static_cast<double>(saturated) / total;
}

/// Of the network's input x [C, H, W] as preprocessing made it, with Y the mean of its channels:
///
///     image_mean_c, image_deviation_c   of channel c (C at most 4)
///     image_edge_energy                 mean of (Y_i,j+1 - Y_ij)^2 + (Y_i+1,j - Y_ij)^2, 0 beyond the border
///     image_entropy                     entropy in nats of a histogram of Y with 16 bins between its least and its
///                                       largest value: 0 for one colour, at most ln 16
///     image_saturated                   share of pixels within 1/256 of that range from either end
///
/// over every s-th row and column only, s = ceil(max(H, W) / 64), so that the cost is bounded: about 6 C + 15
/// operations for each of at most 4096 pixels. They belong to the first stage; later gates see them as its features.
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
      return is_numbered(name, "image_mean_") || is_numbered(name, "image_deviation_") || name == "image_edge_energy" ||
             name == "image_entropy" || name == "image_saturated";
    },
    [](const FeatureLayout& l, FeatureSource& s, std::span<double> out) {
      const std::size_t C = l.image_channels;
      const std::int64_t H = s.image_shape[1], W = s.image_shape[2];
      ImageGrid luminance;  // of the first channel, to which the others are added
      luminance.pack(s.image, H, W);
      moments(luminance, out[0], out[C]);
      for (std::size_t c = 1; c < C; ++c) {
        ImageGrid channel;
        channel.pack(s.image + c * static_cast<std::size_t>(H * W), H, W);
        moments(channel, out[c], out[C + c]);
        for (std::size_t i = 0; i < channel.size(); ++i) luminance.values[i] += channel.values[i];
      }
      const bool finite = std::all_of(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(C),
                                      [](double mean) { return std::isfinite(mean); });
      if (!finite) return;  // some pixel is not, and the mean is refused
      for (std::size_t i = 0; C > 1 && i < luminance.size(); ++i) luminance.values[i] /= static_cast<float>(C);
      luminance_statistics(luminance, out.subspan(2 * C));
    },
    [](const FeatureLayout& l) {
      return static_cast<double>(std::min<std::size_t>(l.image_pixels, 4096) * (6 * l.image_channels + 15));
    },
};

}  // namespace weir::detail
