// What cascade_inputs.hpp declares.
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
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>

namespace weir::detail {

WEIR_INLINE CascadeInputs::CascadeInputs(std::vector<std::shared_ptr<const Preprocess>> preprocess)
    : preprocess_(std::move(preprocess)) {
  for (const auto& p : preprocess_) {
    const auto first =
        static_cast<std::size_t>(std::find(preprocess_.begin(), preprocess_.end(), p) - preprocess_.begin());
    group_.push_back(first);
    is_shared_.push_back(p && std::count(preprocess_.begin(), preprocess_.end(), p) > 1);
  }
  shared_.resize(preprocess_.size());
}

WEIR_INLINE void CascadeInputs::begin(std::span<const ImageView> images) {
  reserve(images.size());
  for (std::size_t i = 0; i < images.size(); ++i) put(i, images[i]);
}

WEIR_INLINE void CascadeInputs::reserve(std::size_t n) {
  for (const auto& p : preprocess_)
    if (!p) throw ArgumentError("the policy was learned on float tensors: it does not say how to preprocess images");
  images_.resize(n);
  tensor_ = {};
  for (std::size_t g = 0; g < shared_.size(); ++g)
    if (is_shared_[g] && group_[g] == g && shared_[g].size() < n) shared_[g].resize(n);
}

WEIR_INLINE void CascadeInputs::put(std::size_t row, ImageView image) {
  check(image);
  images_[row] = image;
  for (auto& rows : shared_)
    if (!rows.empty()) rows[row].is_made = false;
}

WEIR_INLINE void CascadeInputs::check(ImageView image) {
  if (!image.data || image.height < 1 || image.width < 1 || (image.channels != 1 && image.channels != 3))
    throw ArgumentError(detail::message({"an image of ", image.height, " x ", image.width, " x ", image.channels,
                                         " is none: pixels with 1 or 3 channels are needed"}));
}

WEIR_INLINE void CascadeInputs::begin(ConstView x) {
  for (const std::size_t g : group_)
    if (g != 0) throw ArgumentError("the networks read differently preprocessed images: give the images themselves");
  if (x.shape.rank() < 2) throw ShapeError(detail::message({"a batch [N, ...] is needed, not ", x.shape.to_string()}));
  tensor_ = x;
}

WEIR_INLINE void CascadeInputs::fill(std::size_t network, std::size_t row, View out, Preprocess::Scratch& scratch) {
  const std::size_t size = out.size();
  if (tensor_.data) {
    if (tensor_.size() != size * static_cast<std::size_t>(tensor_.shape[0]))
      throw ShapeError(
          detail::message({"the network reads ", out.shape.to_string(), ", the batch is ", tensor_.shape.to_string()}));
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

}  // namespace weir::detail
