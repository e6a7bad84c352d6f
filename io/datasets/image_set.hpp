/// ImageSet: labelled images from arrays or from a folder.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/datasets/labels.hpp>
#include <weir/io/images/image_view.hpp>

namespace weir::detail {

/// FNV-1a, 64 bits: hash of bytes, going on from a hash before. Not safe against an adversary.
/// Source: Fowler, Noll, Vo; RFC 9923.
inline std::uint64_t fnv1a(std::span<const char> bytes, std::uint64_t hash = 0xcbf29ce484222325U) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace weir::detail

namespace weir {

/// Images with their labels. Three kinds, by where they come from:
///   pixels   8-bit images of one size, in memory (IDX, CIFAR, uint8 .npy);
///   floats   rows [C, H, W] that are a network's input as they stand, without any preprocessing (float .npy);
///   files    image files of any sizes; nothing is read before decode(), so that its time can be counted by itself.
/// Const members may be called from several threads.
class ImageSet {
 public:
  /// pixels: [N, H, W, C] or [N, H, W], C = 1 or 3; labels: N of them, or none if they are not known.
  /// Throws FormatError naming source on any other shape and on other numbers of labels or pixels.
  static ImageSet from_pixels(Shape shape, detail::Bytes pixels, std::vector<int> labels, std::string source);

  /// values: [N, C, H, W] or [N, H, W]. Throws FormatError as from_pixels does, and on NaN and infinity.
  static ImageSet from_floats(Tensor values, std::vector<int> labels, std::string source);

  /// Image files; names[i] is what messages and reports call files[i].
  static ImageSet from_files(std::vector<std::filesystem::path> files, std::vector<std::string> names,
                             std::vector<int> labels, std::string source);

  std::size_t size() const { return count_; }
  /// What the set was read from.
  const std::string& source() const { return source_; }
  bool is_float() const { return floats_.has_value(); }
  bool is_files() const { return files_.has_value(); }

  bool has_labels() const { return !labels_.empty() || count_ == 0; }
  int label(std::size_t i) const { return labels_.at(i); }
  /// Where label i stands: "labels.csv:17", for messages.
  std::string label_where(std::size_t i) const;
  /// Says for label_where() which file the labels are from.
  void set_labels_origin(const detail::Labels& labels);
  const std::vector<int>& labels() const { return labels_; }

  /// A file's name as the CSV has it, or "source#i".
  std::string name(std::size_t i) const { return files_ ? names_.at(i) : source_ + "#" + std::to_string(i); }

  /// [C, H, W] of every image of a set of floats.
  Shape row_shape() const { return Shape{shape_[1], shape_[2], shape_[3]}; }

  /// Image i of a set of floats. Throws ArgumentError on other sets.
  std::span<const float> row(std::size_t i) const;

  bool is_decoded(std::size_t i) const;

  /// Image i of pixels or files, valid as long as the set. Throws ArgumentError if it is a file not decoded into the
  /// set yet, and on sets of floats.
  ImageView image(std::size_t i) const;

  /// Reads and decodes file i, without keeping it (pixels are copied). Throws FormatError naming the file, IoError.
  Image decode(std::size_t i) const;

  /// Decodes what is not decoded yet and keeps it; progress(done, size()) is called after each. Sets that are not of
  /// files are ready as they are. Memory: H W C bytes per image.
  void decode_all(const std::function<void(std::size_t, std::size_t)>& progress = {});

  /// Decodes file i and keeps it.
  void keep_decoded(std::size_t i);

  /// FNV-1a of the image's size and pixels: equal images have equal hashes, in whatever file they lie, so that a
  /// test image that is also in the training set is found. Decodes a file that is not decoded. Throws as decode.
  std::uint64_t content_hash(std::size_t i) const;

 private:
  ImageSet(std::string source, std::vector<int> labels) : source_(std::move(source)), labels_(std::move(labels)) {}

  void check_count(std::size_t count);
  void check_index(std::size_t i) const;
  static std::uint64_t hash_of(std::int64_t height, std::int64_t width, std::int64_t channels,
                               std::span<const char> bytes);

  std::string source_;
  std::vector<int> labels_;
  std::string labels_source_;
  std::vector<std::size_t> label_lines_;
  std::size_t count_ = 0;
  Shape shape_;  // [N, H, W, C] of pixels, [N, C, H, W] of floats
  detail::Bytes pixels_;
  std::optional<Tensor> floats_;
  std::optional<std::vector<std::filesystem::path>> files_;
  std::vector<std::string> names_;
  std::vector<Image> decoded_;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/io/datasets/image_set.ipp>
#endif
