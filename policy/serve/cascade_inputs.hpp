/// CascadeInputs: what each network of a cascade reads, made from images when the network is about to run.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/image_view.hpp>
#include <weir/io/preprocess.hpp>

namespace weir {

/// An input maker (see InputMaker). Networks that share a Preprocess object share its result: an image is preprocessed
/// once for all of them. Memory: one input for each image of the batch and each shared preprocessing.
///
/// For one thread; but rows are apart from each other, so that different threads may put() and fill() different rows at
/// once, each with a scratch of its own.
class CascadeInputs {
 public:
  /// preprocess [networks]; nullptr for a network that reads float tensors alone.
  explicit CascadeInputs(std::vector<std::shared_ptr<const Preprocess>> preprocess)
      : preprocess_(std::move(preprocess)) {
    for (const auto& p : preprocess_) {
      const auto first =
          static_cast<std::size_t>(std::find(preprocess_.begin(), preprocess_.end(), p) - preprocess_.begin());
      group_.push_back(first);
      is_shared_.push_back(p && std::count(preprocess_.begin(), preprocess_.end(), p) > 1);
    }
    shared_.resize(preprocess_.size());
  }

  /// Takes inputs from these images from now on; their pixels must outlive the run. Throws ArgumentError for an image
  /// without pixels or of other than 1 or 3 channels, and if a network has no preprocessing.
  void begin(std::span<const ImageView> images) {
    reserve(images.size());
    for (std::size_t i = 0; i < images.size(); ++i) put(i, images[i]);
  }

  /// Makes room for images 0 .. n - 1, to be put there one by one.
  void reserve(std::size_t n) {
    for (const auto& p : preprocess_)
      if (!p) throw ArgumentError("the policy was learned on float tensors: it does not say how to preprocess images");
    images_.resize(n);
    tensor_ = {};
    for (std::size_t g = 0; g < shared_.size(); ++g)
      if (is_shared_[g] && group_[g] == g && shared_[g].size() < n) shared_[g].resize(n);
  }

  /// As begin() for image `row` alone.
  void put(std::size_t row, ImageView image) {
    check(image);
    images_[row] = image;
    for (auto& rows : shared_)
      if (!rows.empty()) rows[row].is_made = false;
  }

  /// Throws ArgumentError for an image without pixels or of other than 1 or 3 channels.
  static void check(ImageView image) {
    if (!image.data || image.height < 1 || image.width < 1 || (image.channels != 1 && image.channels != 3))
      throw ArgumentError("an image of " + std::to_string(image.height) + " x " + std::to_string(image.width) + " x " +
                          std::to_string(image.channels) + " is none: pixels with 1 or 3 channels are needed");
  }

  /// Takes rows of x [N, ...], which must outlive the run, as they are: they are what preprocessing would make. Throws
  /// ArgumentError if the networks are preprocessed differently, so that no tensor fits all of them.
  void begin(ConstView x) {
    for (const std::size_t g : group_)
      if (g != 0) throw ArgumentError("the networks read differently preprocessed images: give the images themselves");
    if (x.shape.rank() < 2) throw ShapeError("a batch [N, ...] is needed, not " + x.shape.to_string());
    tensor_ = x;
  }

  /// Writes the input of a network for one image. Throws ShapeError where sizes differ.
  void fill(std::size_t network, std::size_t row, View out) { fill(network, row, out, scratch_); }

  void fill(std::size_t network, std::size_t row, View out, Preprocess::Scratch& scratch) {
    const std::size_t size = out.size();
    if (tensor_.data) {
      if (tensor_.size() != size * static_cast<std::size_t>(tensor_.shape[0]))
        throw ShapeError("the network reads " + out.shape.to_string() + ", the batch is " + tensor_.shape.to_string());
      std::copy_n(tensor_.data + row * size, size, out.data);
      return;
    }
    const Preprocess& preprocess = *preprocess_[network];
    if (!is_shared_[network]) return preprocess.apply(images_[row], out.data, scratch);
    Made& own = shared_[group_[network]][row];
    if (!own.is_made) {
      own.values.resize(size);
      preprocess.apply(images_[row], own.values.data(), scratch);
      own.is_made = true;
    }
    std::copy_n(own.values.data(), size, out.data);
  }

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

}  // namespace weir
