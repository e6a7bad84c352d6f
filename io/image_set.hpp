/// ImageSet: labelled images from arrays or from a folder.
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
#include <weir/io/cifar.hpp>
#include <weir/io/csv.hpp>
#include <weir/io/file.hpp>
#include <weir/io/idx.hpp>
#include <weir/io/image.hpp>
#include <weir/io/image_view.hpp>
#include <weir/io/labels.hpp>
#include <weir/io/npy.hpp>

namespace weir {

/// FNV-1a, 64 bits: hash of bytes, going on from a hash before. Not safe against an adversary.
/// Source: Fowler, Noll, Vo; RFC 9923.
inline std::uint64_t fnv1a(std::span<const char> bytes, std::uint64_t hash = 0xcbf29ce484222325U) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

/// Images with their labels. Three kinds, by where they come from:
///   pixels   8-bit images of one size, in memory (IDX, CIFAR, uint8 .npy);
///   floats   rows [C, H, W] that are a network's input as they stand, without any preprocessing (float .npy);
///   files    image files of any sizes; nothing is read before decode(), so that its time can be told apart.
/// Const members may be called from several threads.
class ImageSet {
 public:
  /// pixels: [N, H, W, C] or [N, H, W], C = 1 or 3; labels: N of them, or none if they are not known.
  /// Throws FormatError naming source on any other shape and on other numbers of labels or pixels.
  static ImageSet from_pixels(Shape shape, Bytes pixels, std::vector<int> labels, std::string source) {
    ImageSet set(std::move(source), std::move(labels));
    if (shape.rank() == 3) shape = Shape{shape[0], shape[1], shape[2], 1};
    if (shape.rank() != 4 || shape[1] < 1 || shape[2] < 1 || (shape[3] != 1 && shape[3] != 3) ||
        shape.product(1, 3) > max_image_pixels)
      throw FormatError(set.source_ + ": images are [N, H, W], [N, H, W, 1] or [N, H, W, 3], not " + shape.to_string());
    if (static_cast<std::size_t>(shape.numel()) != pixels.size())
      throw FormatError(set.source_ + ": shape " + shape.to_string() + " does not hold " +
                        std::to_string(pixels.size()) + " bytes");
    set.shape_ = shape;
    set.pixels_ = std::move(pixels);
    set.check_count(static_cast<std::size_t>(shape[0]));
    return set;
  }

  /// values: [N, C, H, W] or [N, H, W]. Throws FormatError as from_pixels does, and on NaN and infinity.
  static ImageSet from_floats(Tensor values, std::vector<int> labels, std::string source) {
    ImageSet set(std::move(source), std::move(labels));
    const Shape& s = values.shape();
    if (s.rank() != 3 && s.rank() != 4)
      throw FormatError(set.source_ + ": float images are [N, C, H, W] or [N, H, W], not " + s.to_string());
    set.shape_ = s.rank() == 3 ? Shape{s[0], 1, s[1], s[2]} : s;
    if (set.shape_.product(1, 4) < 1) throw FormatError(set.source_ + ": empty images, " + s.to_string());
    const auto bad =
        std::find_if(values.span().begin(), values.span().end(), [](float v) { return !std::isfinite(v); });
    if (bad != values.span().end())
      throw FormatError(set.source_ + ": value " + std::to_string(bad - values.span().begin()) +
                        " is not a finite number");
    set.floats_ = std::move(values);
    set.check_count(static_cast<std::size_t>(set.shape_[0]));
    return set;
  }

  /// Image files; names[i] is what messages and reports call files[i].
  static ImageSet from_files(std::vector<std::filesystem::path> files, std::vector<std::string> names,
                             std::vector<int> labels, std::string source) {
    ImageSet set(std::move(source), std::move(labels));
    if (names.size() != files.size()) throw ArgumentError(set.source_ + ": as many names as files are needed");
    set.decoded_.resize(files.size());
    set.names_ = std::move(names);
    set.files_ = std::move(files);
    set.check_count(set.files_->size());
    return set;
  }

  std::size_t size() const { return count_; }
  /// What the set was read from.
  const std::string& source() const { return source_; }
  bool is_float() const { return floats_.has_value(); }
  bool is_files() const { return files_.has_value(); }

  bool has_labels() const { return !labels_.empty() || count_ == 0; }
  int label(std::size_t i) const { return labels_.at(i); }
  /// Where label i stands: "labels.csv:17", for messages.
  std::string label_where(std::size_t i) const {
    if (labels_source_.empty()) return source_ + ", label " + std::to_string(i);
    return Labels{{}, labels_source_, label_lines_}.where(i);
  }
  /// Says for label_where() which file the labels are from.
  void set_labels_origin(const Labels& labels) {
    labels_source_ = labels.source;
    label_lines_ = labels.lines;
  }
  const std::vector<int>& labels() const { return labels_; }

  /// A file's name as the CSV has it, or "source#i".
  std::string name(std::size_t i) const { return files_ ? names_.at(i) : source_ + "#" + std::to_string(i); }

  /// [C, H, W] of every image of a set of floats.
  Shape row_shape() const { return Shape{shape_[1], shape_[2], shape_[3]}; }

  /// Image i of a set of floats. Throws ArgumentError on other sets.
  std::span<const float> row(std::size_t i) const {
    check_index(i);
    if (!floats_) throw ArgumentError(source_ + ": holds 8-bit images; ask for image()");
    const auto length = static_cast<std::size_t>(shape_.product(1, 4));
    return floats_->span().subspan(i * length, length);
  }

  bool is_decoded(std::size_t i) const {
    check_index(i);
    return !files_ || !decoded_[i].data.empty();
  }

  /// Image i of pixels or files, valid as long as the set. Throws ArgumentError if it is a file not decoded into the
  /// set yet, and on sets of floats.
  ImageView image(std::size_t i) const {
    check_index(i);
    if (floats_) throw ArgumentError(source_ + ": holds floats; ask for row()");
    if (!files_) {
      const auto length = static_cast<std::size_t>(shape_.product(1, 4));
      return {reinterpret_cast<const std::uint8_t*>(pixels_.data()) + i * length, static_cast<int>(shape_[1]),
              static_cast<int>(shape_[2]), static_cast<int>(shape_[3])};
    }
    if (decoded_[i].data.empty()) throw ArgumentError(name(i) + ": not decoded yet");
    return decoded_[i];
  }

  /// Reads and decodes file i, without keeping it (pixels are copied). Throws FormatError naming the file, IoError.
  Image decode(std::size_t i) const {
    if (is_decoded(i)) {
      const ImageView v = image(i);
      return {{v.data, v.data + v.size_bytes()}, v.height, v.width, v.channels};
    }
    return read_image((*files_)[i]);
  }

  /// Decodes what is not decoded yet and keeps it; progress(done, size()) is called after each. Sets that are not of
  /// files are ready as they are. Memory: H W C bytes per image.
  void decode_all(const std::function<void(std::size_t, std::size_t)>& progress = {}) {
    if (!files_) return;
    for (std::size_t i = 0; i < count_; ++i) {
      if (decoded_[i].data.empty()) decoded_[i] = read_image((*files_)[i]);
      if (progress) progress(i + 1, count_);
    }
  }

  /// Decodes file i and keeps it.
  void keep_decoded(std::size_t i) {
    if (!is_decoded(i)) decoded_[i] = read_image((*files_)[i]);
  }

  /// FNV-1a of the image's size and pixels: equal images have equal hashes, in whatever file they lie, so that a
  /// test image that is also in the training set is found. Decodes a file that is not decoded. Throws as decode.
  std::uint64_t content_hash(std::size_t i) const {
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

 private:
  ImageSet(std::string source, std::vector<int> labels) : source_(std::move(source)), labels_(std::move(labels)) {}

  void check_count(std::size_t count) {
    count_ = count;
    if (!labels_.empty() && labels_.size() != count)
      throw FormatError(source_ + ": " + std::to_string(count) + " images, but " + std::to_string(labels_.size()) +
                        " labels; each image needs one, in the same order");
  }
  void check_index(std::size_t i) const {
    if (i >= count_)
      throw ArgumentError(source_ + ": image " + std::to_string(i) + " of " + std::to_string(count_) + " wanted");
  }
  static std::uint64_t hash_of(std::int64_t height, std::int64_t width, std::int64_t channels,
                               std::span<const char> bytes) {
    const std::string size =
        std::to_string(height) + "x" + std::to_string(width) + "x" + std::to_string(channels) + ":";
    return fnv1a(bytes, fnv1a(size));
  }

  std::string source_;
  std::vector<int> labels_;
  std::string labels_source_;
  std::vector<std::size_t> label_lines_;
  std::size_t count_ = 0;
  Shape shape_;  // [N, H, W, C] of pixels, [N, C, H, W] of floats
  Bytes pixels_;
  std::optional<Tensor> floats_;
  std::optional<std::vector<std::filesystem::path>> files_;
  std::vector<std::string> names_;
  std::vector<Image> decoded_;
};

}  // namespace weir
