/// CascadeInputs: what each network of a cascade reads, made from images when the network is about to run.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>

namespace weir::detail {

/// An input maker (see InputMaker). Networks that share a Preprocess object share its result: an image is preprocessed
/// once for all of them. Memory: one input for each image of the batch and each shared preprocessing.
///
/// For one thread; but rows are apart from each other, so that different threads may put() and fill() different rows at
/// once, each with a scratch of its own.
class CascadeInputs {
 public:
  /// preprocess [networks]; nullptr for a network that reads float tensors alone.
  explicit CascadeInputs(std::vector<std::shared_ptr<const Preprocess>> preprocess);

  /// Takes inputs from these images from now on; their pixels must outlive the run. Throws ArgumentError for an image
  /// without pixels or of other than 1 or 3 channels, and if a network has no preprocessing.
  void begin(std::span<const ImageView> images);

  /// Makes room for images 0 .. n - 1, to be put there one by one.
  void reserve(std::size_t n);

  /// As begin() for image `row` alone.
  void put(std::size_t row, ImageView image);

  /// Throws ArgumentError for an image without pixels or of other than 1 or 3 channels.
  static void check(ImageView image);

  /// Takes rows of x [N, ...], which must outlive the run, as they are: they are what preprocessing would make. Throws
  /// ArgumentError if the networks are preprocessed differently, so that no tensor fits all of them.
  void begin(ConstView x);

  /// Writes the input of a network for one image. Throws ShapeError where sizes differ.
  void fill(std::size_t network, std::size_t row, View out) { fill(network, row, out, scratch_); }

  void fill(std::size_t network, std::size_t row, View out, Preprocess::Scratch& scratch);

 private:
  struct Made {
    std::vector<float> values;  // [input]
    bool is_made = false;
  };

  std::vector<std::shared_ptr<const Preprocess>> preprocess_;
  std::vector<std::size_t> group_;  // first network that shares its preprocessing
  std::vector<bool> is_shared_;
  std::vector<std::vector<Made>> shared_;  // by group, where it is shared: [images]
  std::vector<ImageView> images_;
  ConstView tensor_;
  Preprocess::Scratch scratch_;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/serve/cascade_inputs.ipp>
#endif
