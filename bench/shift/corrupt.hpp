/// Images as a worse camera would have taken them: shifts that anyone can make without other data.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/policy/learners/random.hpp>

namespace shift {

/// A kind of change and how strong it is.
struct Corruption {
  std::string kind;     ///< "noise", "rotation", "blur", "contrast" or "translation"
  double strength = 0;  ///< noise: deviation, in parts of white; rotation: degrees; blur: deviation in pixels;
                        ///< contrast: the share of it that is left; translation: pixels

  std::string name() const {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%s %g", kind.c_str(), strength);
    return text.data();
  }
  bool operator==(const Corruption&) const = default;
};

/// Kinds, with what the number behind each of them is.
inline const std::vector<std::pair<std::string, std::string>>& corruption_kinds() {
  static const std::vector<std::pair<std::string, std::string>> kinds{{"noise", "DEVIATION"},
                                                                      {"rotation", "DEGREES"},
                                                                      {"blur", "PIXELS"},
                                                                      {"contrast", "SHARE"},
                                                                      {"translation", "PIXELS"}};
  return kinds;
}

/// "noise:DEVIATION, rotation:DEGREES, ...".
inline std::string corruption_syntax() {
  std::string text;
  for (const auto& [kind, number] : corruption_kinds()) text += (text.empty() ? "" : ", ") + kind + ":" + number;
  return text;
}

/// "noise:0.1" -> {noise, 0.1}. Throws ArgumentError for another kind, or a strength that is not positive and finite.
inline Corruption parse_corruption(const std::string& text) {
  const std::size_t colon = text.find(':');
  Corruption c{text.substr(0, colon), 0};
  const std::string number = colon == std::string::npos ? "" : text.substr(colon + 1);
  char* end = nullptr;
  c.strength = std::strtod(number.c_str(), &end);
  const bool known = std::ranges::any_of(corruption_kinds(), [&](const auto& k) { return k.first == c.kind; });
  if (!known || number.empty() || *end != '\0' || !(c.strength > 0) || !std::isfinite(c.strength))
    throw weir::ArgumentError("'" + text + "': a corruption is one of " + corruption_syntax());
  return c;
}

namespace detail {

inline std::uint8_t to_byte(double v) { return static_cast<std::uint8_t>(std::clamp(std::lround(v), 0L, 255L)); }

/// Pixel of channel c; outside the image its nearest pixel.
inline double pixel(const weir::ImageView& image, int y, int x, int c) {
  y = std::clamp(y, 0, image.height - 1);
  x = std::clamp(x, 0, image.width - 1);
  return image
      .data[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x)) *
                static_cast<std::size_t>(image.channels) +
            static_cast<std::size_t>(c)];
}

/// Between pixels: bilinear interpolation.
inline double between(const weir::ImageView& image, double y, double x, int c) {
  const int top = static_cast<int>(std::floor(y)), left = static_cast<int>(std::floor(x));
  const double b = y - top, r = x - left;
  return (1 - b) * ((1 - r) * pixel(image, top, left, c) + r * pixel(image, top, left + 1, c)) +
         b * ((1 - r) * pixel(image, top + 1, left, c) + r * pixel(image, top + 1, left + 1, c));
}

/// f(y, x, channel) for every value of an image of this size.
template <class F>
weir::Image each_value(const weir::ImageView& image, const F& f) {
  weir::Image out{{}, image.height, image.width, image.channels};
  out.data.reserve(image.size_bytes());
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < image.channels; ++c) out.data.push_back(to_byte(f(y, x, c)));
  return out;
}

}  // namespace detail

/// Adds independent Gaussian noise of this deviation (in parts of 255) to every value, cut to [0, 255]; the same for
/// the same seed (Box and Muller, Ann. Math. Stat. 1958).
inline weir::Image add_noise(const weir::ImageView& image, double deviation, std::uint64_t seed) {
  std::uint64_t counter = 0;
  return detail::each_value(image, [&](int y, int x, int c) {
    const double u = 1 - weir::detail::counter_uniform(seed, counter),
                 v = weir::detail::counter_uniform(seed, counter + 1);
    counter += 2;
    const double normal = std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
    return detail::pixel(image, y, x, c) + 255 * deviation * normal;
  });
}

/// Turns the image about its centre, counter-clockwise, by bilinear interpolation.
inline weir::Image rotate(const weir::ImageView& image, double degrees) {
  const double angle = degrees * std::numbers::pi / 180, cos = std::cos(angle), sin = std::sin(angle);
  const double cy = (image.height - 1) / 2.0, cx = (image.width - 1) / 2.0;
  return detail::each_value(image, [&](int y, int x, int c) {
    return detail::between(image, cy + cos * (y - cy) + sin * (x - cx), cx - sin * (y - cy) + cos * (x - cx), c);
  });
}

/// Moves the image by `pixels` along its rows and by `pixels` along its columns, to sides that the seed draws. Values
/// between pixels are interpolated bilinearly.
inline weir::Image translate(const weir::ImageView& image, double pixels, std::uint64_t seed) {
  const auto draw = [&](std::uint64_t i) { return weir::detail::counter_uniform(seed, i) < 0.5 ? -pixels : pixels; };
  const double dy = draw(0), dx = draw(1);
  return detail::each_value(image, [&](int y, int x, int c) { return detail::between(image, y - dy, x - dx, c); });
}

/// Draws the values of each channel towards their mean m over the image: m + share (value - m).
inline weir::Image reduce_contrast(const weir::ImageView& image, double share) {
  std::vector<double> mean(static_cast<std::size_t>(image.channels), 0);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < image.channels; ++c) mean[static_cast<std::size_t>(c)] += detail::pixel(image, y, x, c);
  for (double& m : mean) m /= static_cast<double>(image.height) * image.width;
  return detail::each_value(image, [&](int y, int x, int c) {
    const double m = mean[static_cast<std::size_t>(c)];
    return m + share * (detail::pixel(image, y, x, c) - m);
  });
}

/// Blurs by a Gaussian of this deviation, cut at 3 deviations and normalised.
inline weir::Image blur(const weir::ImageView& image, double deviation) {
  const int radius = std::max(1, static_cast<int>(std::ceil(3 * deviation)));
  std::vector<double> weight;
  double total = 0;
  for (int d = -radius; d <= radius; ++d) {
    weight.push_back(std::exp(-0.5 * d * d / (deviation * deviation)));
    total += weight.back();
  }
  const auto w = [&](int d) { return weight[static_cast<std::size_t>(d + radius)] / total; };
  return detail::each_value(image, [&](int y, int x, int c) {
    double sum = 0;
    for (int dy = -radius; dy <= radius; ++dy)
      for (int dx = -radius; dx <= radius; ++dx) sum += w(dy) * w(dx) * detail::pixel(image, y + dy, x + dx, c);
    return sum;
  });
}

/// One image changed; the seed is of the noise and of where a translation goes to. Throws ArgumentError for an unknown
/// kind.
inline weir::Image corrupt(const weir::ImageView& image, const Corruption& c, std::uint64_t seed) {
  if (c.kind == "noise") return add_noise(image, c.strength, seed);
  if (c.kind == "rotation") return rotate(image, c.strength);
  if (c.kind == "blur") return blur(image, c.strength);
  if (c.kind == "contrast") return reduce_contrast(image, c.strength);
  if (c.kind == "translation") return translate(image, c.strength, seed);
  throw weir::ArgumentError("corruption '" + c.kind + "' is unknown; known: " + corruption_syntax());
}

/// Some images of a set of 8-bit images of one size, each changed. Throws ArgumentError where sizes differ, and for a
/// set of floats.
inline weir::ImageSet corrupted(const weir::ImageSet& set, const std::vector<std::size_t>& rows, const Corruption& c,
                                std::uint64_t seed) {
  if (rows.empty()) throw weir::ArgumentError(set.source() + ": no images to corrupt");
  const weir::ImageView first = set.image(rows.front());
  weir::detail::Bytes pixels;
  std::vector<int> labels;
  for (const std::size_t row : rows) {
    const weir::ImageView image = set.image(row);
    if (image.height != first.height || image.width != first.width || image.channels != first.channels)
      throw weir::ArgumentError(set.name(row) + ": images of different sizes cannot be corrupted together");
    const weir::Image changed = corrupt(image, c, seed + row);
    pixels.insert(pixels.end(), changed.data.begin(), changed.data.end());
    labels.push_back(set.label(row));
  }
  return weir::ImageSet::from_pixels(
      weir::Shape{static_cast<std::int64_t>(rows.size()), first.height, first.width, first.channels}, std::move(pixels),
      std::move(labels), set.source() + ", " + c.name());
}

}  // namespace shift
