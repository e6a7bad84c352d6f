/// Preprocess: from an 8-bit image to what a network reads.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/resample.hpp>

namespace weir {

/// How a network wants its input.
///
///   resize   if above 0, the image is first resized so that its shorter side has this many pixels
///   crop     if above 0, then the central square of this side is cut out, or of the shorter side if that is shorter
///   height, width   what is left is resized to this size
///   value = (pixel*scale - mean[c])/std[c], pixel 0..255, c in the network's own channel order
///
/// Resizing is antialiased bilinear, equal to Pillow's to the last bit; an odd margin is cut one pixel smaller at the
/// top and left. A grey image becomes three equal channels, an RGB image one by ITU-R BT.601 luma (as in Pillow).
struct PreprocessOptions {
  int channels = 3;  ///< 1 or 3
  int height = 0, width = 0;
  int resize = 0, crop = 0;
  double scale = 1;
  std::vector<double> mean = {0, 0, 0}, std = {1, 1, 1};  ///< one per channel
  bool is_bgr = false;
  bool is_nhwc = false;  ///< the network reads [N, H, W, C] instead of [N, C, H, W]

  bool operator==(const PreprocessOptions&) const = default;
};

/// Checked options, ready to use; immutable, so any number of threads may share it, each with its own Scratch.
class Preprocess {
 public:
  /// Memory of apply; grows to what the largest image needs and is then reused.
  class Scratch {
    friend class Preprocess;
    detail::ResampleScratch resized_, cropped_;
    std::vector<std::uint8_t> first_, second_;
  };

  /// Throws ArgumentError on sizes below 1 or above 16384, other numbers of channels, means or deviations, and on
  /// values that are not finite or a deviation of 0.
  explicit Preprocess(PreprocessOptions options);

  /// One entry of "models" in models.json:
  ///   {"input": {"channels": 3, "height": 224, "width": 224, "layout": "NCHW"}, "crop": 224, "scale": 1.0,
  ///    "mean": [..], "std": [..], "channel_order": "RGB"}
  /// Optional: "layout" (NCHW or NHWC), "resize", "crop", "scale" (1), "channel_order" (RGB; BGR, GRAY),
  /// "interpolation" (only "bilinear"); for people only: "name", "file", "note", "output", "output_name", "classes",
  /// and "name" of the input. Throws FormatError naming the key at fault, also for keys that are not known, such as
  /// "scal".
  static Preprocess from_json(const nlohmann::json& entry);

  const PreprocessOptions& options() const { return options_; }
  int channels() const { return options_.channels; }
  int height() const { return options_.height; }
  int width() const { return options_.width; }
  /// What apply writes, without the batch: [C, H, W], or [H, W, C] for networks that read NHWC.
  Shape shape() const {
    return options_.is_nhwc ? Shape{height(), width(), channels()} : Shape{channels(), height(), width()};
  }

  /// Writes shape().numel() floats. The image must have at least one pixel and 1 or 3 channels. Allocates in scratch
  /// only. Cost: one look-up per value, so that the result is the formula's, rounded once, on every machine; and that
  /// of the resizings that are needed (see resample). Throws ArgumentError on an image of another kind.
  void apply(ImageView image, float* out, Scratch& scratch) const;

  /// The share of an image's pixels, 0 to 1, that the central crop leaves.
  double share_seen(ImageView image) const {
    if (options_.crop == 0 || image.height < 1 || image.width < 1) return 1;
    const double shorter = std::min(image.height, image.width), longer = std::max(image.height, image.width);
    const double side = shorter * std::min(1.0, options_.crop / (options_.resize > 0 ? options_.resize : shorter));
    return side * side / (shorter * longer);
  }

 private:
  static constexpr int max_side = 16384;
  static constexpr std::int64_t max_resized_side = 1 << 24, max_resized_pixels = 1 << 28;

  void check() const;

  /// The central square of side options_.crop, or less; the whole image without a crop.
  detail::PixelWindow crop(detail::PixelWindow in) const;

  /// As crop() of the image resized to a shorter side of options_.resize, of which only the crop is computed.
  detail::PixelWindow resize_and_crop(detail::PixelWindow in, Scratch& scratch) const;

  void write(const detail::PixelWindow& in, float* out) const;

  /// 0.299 R + 0.587 G + 0.114 B in units of 2^-16.
  static std::uint8_t luma(const std::uint8_t* rgb) {
    return static_cast<std::uint8_t>((rgb[0] * 19595U + rgb[1] * 38470U + rgb[2] * 7471U + 0x8000U) >> 16U);
  }

  PreprocessOptions options_;
  std::array<std::array<float, 256>, 3> values_{};  // value of every pixel in every channel
};

/// How each network of a models.json is fed, by file name ("squeezenet11.onnx"). The file: {"models": [entry, ..]},
/// each entry with "file" and what Preprocess::from_json reads; besides "models" there may be "note" and "classes" (see
/// class_names_of_models). Throws FormatError naming the file and entry, IoError.
std::map<std::string, Preprocess> load_preprocess(const std::filesystem::path& path);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/io/images/preprocess.ipp>
#endif
