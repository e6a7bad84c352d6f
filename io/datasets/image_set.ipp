// What image_set.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/datasets/cifar.hpp>
#include <weir/io/datasets/idx.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/datasets/labels.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/files/npy.hpp>
#include <weir/io/images/image.hpp>
#include <weir/io/images/image_view.hpp>

namespace weir {

WEIR_INLINE ImageSet ImageSet::from_pixels(Shape shape, detail::Bytes pixels, std::vector<int> labels,
                                           std::string source) {
  ImageSet set(std::move(source), std::move(labels));
  if (shape.rank() == 3) shape = Shape{shape[0], shape[1], shape[2], 1};
  if (shape.rank() != 4 || shape[1] < 1 || shape[2] < 1 || (shape[3] != 1 && shape[3] != 3) ||
      shape.product(1, 3) > max_image_pixels)
    throw FormatError(detail::message(
        {set.source_, ": images are [N, H, W], [N, H, W, 1] or [N, H, W, 3], not ", shape.to_string()}));
  if (static_cast<std::size_t>(shape.numel()) != pixels.size())
    throw FormatError(
        detail::message({set.source_, ": shape ", shape.to_string(), " does not hold ", pixels.size(), " bytes"}));
  set.shape_ = shape;
  set.pixels_ = std::move(pixels);
  set.check_count(static_cast<std::size_t>(shape[0]));
  return set;
}

WEIR_INLINE ImageSet ImageSet::from_floats(Tensor values, std::vector<int> labels, std::string source) {
  ImageSet set(std::move(source), std::move(labels));
  const Shape& s = values.shape();
  if (s.rank() != 3 && s.rank() != 4)
    throw FormatError(
        detail::message({set.source_, ": float images are [N, C, H, W] or [N, H, W], not ", s.to_string()}));
  set.shape_ = s.rank() == 3 ? Shape{s[0], 1, s[1], s[2]} : s;
  if (set.shape_.product(1, 4) < 1)
    throw FormatError(detail::message({set.source_, ": empty images, ", s.to_string()}));
  const auto bad = std::find_if(values.span().begin(), values.span().end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.span().end())
    throw FormatError(
        detail::message({set.source_, ": value ", bad - values.span().begin(), " is not a finite number"}));
  set.floats_ = std::move(values);
  set.check_count(static_cast<std::size_t>(set.shape_[0]));
  return set;
}

WEIR_INLINE ImageSet ImageSet::from_files(std::vector<std::filesystem::path> files, std::vector<std::string> names,
                                          std::vector<int> labels, std::string source) {
  ImageSet set(std::move(source), std::move(labels));
  if (names.size() != files.size())
    throw ArgumentError(detail::message({set.source_, ": as many names as files are needed"}));
  set.decoded_.resize(files.size());
  set.names_ = std::move(names);
  set.files_ = std::move(files);
  set.check_count(set.files_->size());
  return set;
}

WEIR_INLINE std::string ImageSet::label_where(std::size_t i) const {
  if (labels_source_.empty()) return source_ + ", label " + std::to_string(i);
  return detail::Labels{{}, labels_source_, label_lines_}.where(i);
}

WEIR_INLINE void ImageSet::set_labels_origin(const detail::Labels& labels) {
  labels_source_ = labels.source;
  label_lines_ = labels.lines;
}

WEIR_INLINE std::span<const float> ImageSet::row(std::size_t i) const {
  check_index(i);
  if (!floats_) throw ArgumentError(detail::message({source_, ": holds 8-bit images; ask for image()"}));
  const auto length = static_cast<std::size_t>(shape_.product(1, 4));
  return floats_->span().subspan(i * length, length);
}

WEIR_INLINE bool ImageSet::is_decoded(std::size_t i) const {
  check_index(i);
  return !files_ || !decoded_[i].data.empty();
}

WEIR_INLINE ImageView ImageSet::image(std::size_t i) const {
  check_index(i);
  if (floats_) throw ArgumentError(detail::message({source_, ": holds floats; ask for row()"}));
  if (!files_) {
    const auto length = static_cast<std::size_t>(shape_.product(1, 4));
    return {reinterpret_cast<const std::uint8_t*>(pixels_.data()) + i * length, static_cast<int>(shape_[1]),
            static_cast<int>(shape_[2]), static_cast<int>(shape_[3])};
  }
  if (decoded_[i].data.empty()) throw ArgumentError(detail::message({name(i), ": not decoded yet"}));
  return decoded_[i];
}

WEIR_INLINE Image ImageSet::decode(std::size_t i) const {
  if (is_decoded(i)) {
    const ImageView v = image(i);
    return {{v.data, v.data + v.size_bytes()}, v.height, v.width, v.channels};
  }
  return read_image((*files_)[i]);
}

WEIR_INLINE void ImageSet::decode_all(const std::function<void(std::size_t, std::size_t)>& progress) {
  if (!files_) return;
  for (std::size_t i = 0; i < count_; ++i) {
    if (decoded_[i].data.empty()) decoded_[i] = read_image((*files_)[i]);
    if (progress) progress(i + 1, count_);
  }
}

WEIR_INLINE void ImageSet::keep_decoded(std::size_t i) {
  if (!is_decoded(i)) decoded_[i] = read_image((*files_)[i]);
}

WEIR_INLINE std::uint64_t ImageSet::content_hash(std::size_t i) const {
  check_index(i);
  if (floats_) {
    const auto bytes = std::as_bytes(row(i));
    return hash_of(shape_[2], shape_[3], shape_[1], {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  const auto hash_image = [](ImageView v) {
    return hash_of(v.height, v.width, v.channels, {reinterpret_cast<const char*>(v.data), v.size_bytes()});
  };
  return is_decoded(i) ? hash_image(image(i)) : hash_image(decode(i));
}

WEIR_INLINE void ImageSet::check_count(std::size_t count) {
  count_ = count;
  if (!labels_.empty() && labels_.size() != count)
    throw FormatError(detail::message(
        {source_, ": ", count, " images, but ", labels_.size(), " labels; each image needs one, in the same order"}));
}

WEIR_INLINE void ImageSet::check_index(std::size_t i) const {
  if (i >= count_) throw ArgumentError(detail::message({source_, ": image ", i, " of ", count_, " wanted"}));
}

WEIR_INLINE std::uint64_t ImageSet::hash_of(std::int64_t height, std::int64_t width, std::int64_t channels,
                                            std::span<const char> bytes) {
  const std::string size = std::to_string(height) + "x" + std::to_string(width) + "x" + std::to_string(channels) + ":";
  return detail::fnv1a(bytes, detail::fnv1a(size));
}

}  // namespace weir
