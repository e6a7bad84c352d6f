// What preprocess.hpp declares.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/io/images/resample.hpp>

namespace weir {

WEIR_INLINE Preprocess Preprocess::from_json(const nlohmann::json& entry) {
  std::string key;
  try {
    const auto at = [&](const nlohmann::json& object, const char* name) -> const nlohmann::json& {
      key = name;
      return object.at(name);
    };
    const auto integer = [&](const nlohmann::json& value) {
      if (!value.is_number_integer()) throw FormatError(detail::message({"'", key, "' is not an integer"}));
      const auto v = value.get<std::int64_t>();
      if (v < 0 || v > max_side) throw FormatError(detail::message({"'", key, "' of ", v, " is not 0 to 16384"}));
      return static_cast<int>(v);
    };
    PreprocessOptions o;
    detail::refuse_unknown_keys(entry, {"input", "resize", "crop", "scale", "mean", "std", "channel_order",
                                        "interpolation", "name", "file", "note", "output", "output_name", "classes"});
    const nlohmann::json& input = at(entry, "input");
    detail::refuse_unknown_keys(input, {"channels", "height", "width", "layout", "name", "note"});
    o.channels = integer(at(input, "channels"));
    o.height = integer(at(input, "height"));
    o.width = integer(at(input, "width"));
    if (input.contains("layout")) {
      const auto layout = at(input, "layout").get<std::string>();
      if (layout != "NCHW" && layout != "NHWC")
        throw FormatError(detail::message({"'layout' is NCHW or NHWC, not '", layout, "'"}));
      o.is_nhwc = layout == "NHWC";
    }
    if (entry.contains("resize")) o.resize = integer(at(entry, "resize"));
    if (entry.contains("crop")) o.crop = integer(at(entry, "crop"));
    if (entry.contains("scale")) o.scale = at(entry, "scale").get<double>();
    o.mean = at(entry, "mean").get<std::vector<double>>();
    o.std = at(entry, "std").get<std::vector<double>>();
    if (entry.contains("channel_order")) {
      const auto order = at(entry, "channel_order").get<std::string>();
      if (order != "RGB" && order != "BGR" && !(order == "GRAY" && o.channels == 1))
        throw FormatError(
            detail::message({"'channel_order' is RGB or BGR (GRAY with one channel), not '", order, "'"}));
      o.is_bgr = order == "BGR" && o.channels == 3;
    }
    if (entry.contains("interpolation") && at(entry, "interpolation") != "bilinear")
      throw FormatError("'interpolation' is bilinear only");
    return Preprocess(std::move(o));
  } catch (const nlohmann::json::exception& e) {
    throw FormatError(detail::message({"'", key, "': ", e.what()}));
  } catch (const ArgumentError& e) {
    throw FormatError(e.what());
  }
}

WEIR_INLINE std::map<std::string, Preprocess> load_preprocess(const std::filesystem::path& path) {
  const detail::Bytes bytes = detail::read_file(path, std::uint64_t{16} << 20);
  const auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  const auto refuse = [&](const std::string& what) { return FormatError(path.string() + ": " + what); };
  if (json.is_discarded()) throw refuse("not JSON");
  if (!json.is_object() || !json.contains("models") || !json["models"].is_array()) throw refuse("no list 'models'");
  try {
    detail::refuse_unknown_keys(json, {"models", "classes", "note"});
  } catch (const FormatError& e) {
    throw refuse(e.what());
  }
  std::map<std::string, Preprocess> all;
  for (const nlohmann::json& entry : json["models"]) {
    if (!entry.is_object() || !entry.contains("file") || !entry["file"].is_string())
      throw refuse("entry " + std::to_string(all.size()) + " has no 'file'");
    const auto file = entry["file"].get<std::string>();
    try {
      if (!all.emplace(file, Preprocess::from_json(entry)).second) throw FormatError("listed twice");
    } catch (const FormatError& e) {
      throw refuse("'" + file + "': " + e.what());
    }
  }
  return all;
}

WEIR_INLINE Preprocess::Preprocess(PreprocessOptions options) : options_(std::move(options)) {
  check();
  for (std::size_t c = 0; c < static_cast<std::size_t>(options_.channels); ++c)
    for (std::size_t p = 0; p < 256; ++p)
      values_[c][p] =
          static_cast<float>((static_cast<double>(p) * options_.scale - options_.mean[c]) / options_.std[c]);
}

WEIR_INLINE void Preprocess::apply(ImageView image, float* out, Scratch& scratch) const {
  if (!image.data || image.height < 1 || image.width < 1 || (image.channels != 1 && image.channels != 3))
    throw ArgumentError(detail::message({"preprocessing needs an image with 1 or 3 channels, got ", image.height, " x ",
                                         image.width, " x ", image.channels}));
  detail::PixelWindow window{image.data, std::ptrdiff_t{image.width} * image.channels, image.height, image.width,
                             image.channels};
  if (options_.resize > 0 && options_.resize != std::min(image.height, image.width))
    window = resize_and_crop(window, scratch);
  else
    window = crop(window);
  if (window.height != height() || window.width != width()) {
    const detail::ResampleTarget target{height(), width(), 0, 0, height(), width()};
    scratch.second_.resize(static_cast<std::size_t>(height()) * static_cast<std::size_t>(width()) *
                           static_cast<std::size_t>(window.channels));
    detail::resample(window, target, scratch.cropped_, scratch.second_.data());
    window = {scratch.second_.data(), std::ptrdiff_t{width()} * window.channels, height(), width(), window.channels};
  }
  write(window, out);
}

WEIR_INLINE void Preprocess::check() const {
  const auto& o = options_;
  const auto fail = [](const std::string& what) { throw ArgumentError(detail::message({"preprocessing: ", what})); };
  if (o.channels != 1 && o.channels != 3) fail(detail::message({o.channels, " channels, not 1 or 3"}));
  for (const int side : {o.height, o.width})
    if (side < 1 || side > max_side) fail(detail::message({"input size of ", side, " is not 1 to 16384"}));
  for (const int side : {o.resize, o.crop})
    if (side < 0 || side > max_side) fail(detail::message({"resize or crop of ", side, " is not 0 to 16384"}));
  const auto n = static_cast<std::size_t>(o.channels);
  if (o.mean.size() != n || o.std.size() != n) fail("needs one mean and one std per channel");
  for (std::size_t c = 0; c < n; ++c)
    for (const double pixel : {0.0, 255.0})
      if (!std::isfinite(static_cast<float>((pixel * o.scale - o.mean[c]) / o.std[c])))
        fail("scale, mean and std give values that are not finite");
}

WEIR_INLINE detail::PixelWindow Preprocess::crop(detail::PixelWindow in) const {
  if (options_.crop == 0) return in;
  const int side = std::min({options_.crop, in.height, in.width});
  in.data += (in.height - side) / 2 * in.row_bytes + std::ptrdiff_t{in.channels} * ((in.width - side) / 2);
  in.height = in.width = side;
  return in;
}

WEIR_INLINE detail::PixelWindow Preprocess::resize_and_crop(detail::PixelWindow in, Scratch& scratch) const {
  const int shorter = std::min(in.height, in.width);
  const auto scaled = [&](int side) {  // rounded down, as torchvision does
    const std::int64_t to = std::int64_t{side} * options_.resize / shorter;
    // A line of pixels would become a wide one of any length: of a crop its place is computed, else all of it.
    if (to > (options_.crop > 0 ? max_resized_side : max_resized_pixels / options_.resize))
      throw ArgumentError(detail::message({"preprocessing: an image of ", in.height, " x ", in.width,
                                           " is too long and thin for a shorter side of ", options_.resize}));
    return static_cast<int>(to);
  };
  detail::ResampleTarget target{scaled(in.height), scaled(in.width), 0, 0, scaled(in.height), scaled(in.width)};
  if (options_.crop > 0) {
    target.height = target.width = std::min(options_.crop, options_.resize);
    target.top = (target.full_height - target.height) / 2;
    target.left = (target.full_width - target.width) / 2;
  }
  const std::ptrdiff_t row_bytes = std::ptrdiff_t{target.width} * in.channels;
  scratch.first_.resize(static_cast<std::size_t>(target.height * row_bytes));
  detail::resample(in, target, scratch.resized_, scratch.first_.data());
  return {scratch.first_.data(), row_bytes, target.height, target.width, in.channels};
}

WEIR_INLINE void Preprocess::write(const detail::PixelWindow& in, float* out) const {
  const auto rows = static_cast<std::size_t>(in.height), columns = static_cast<std::size_t>(in.width);
  const auto n = static_cast<std::size_t>(options_.channels);
  const std::size_t channel_stride = options_.is_nhwc ? 1 : rows * columns;
  const std::size_t pixel_stride = options_.is_nhwc ? n : 1;
  const auto in_stride = static_cast<std::size_t>(in.channels);
  for (std::size_t c = 0; c < n; ++c) {
    const float* values = values_[c].data();
    const std::size_t from = in.channels == 1 ? 0 : options_.is_bgr ? 2 - c : c;
    for (std::size_t y = 0; y < rows; ++y) {
      const std::uint8_t* pixel = in.data + static_cast<std::ptrdiff_t>(y) * in.row_bytes + from;
      float* to = out + c * channel_stride + y * columns * pixel_stride;
      if (n == 1 && in.channels == 3)
        for (std::size_t x = 0; x < columns; ++x) to[x] = values[luma(pixel + 3 * x)];
      else if (in_stride == 1 && pixel_stride == 1)
        for (std::size_t x = 0; x < columns; ++x) to[x] = values[pixel[x]];
      else
        for (std::size_t x = 0; x < columns; ++x) to[x * pixel_stride] = values[pixel[x * in_stride]];
    }
  }
}

}  // namespace weir
