/// Images as the inputs of a policy file's networks, for programs that time them.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "adapt/data.hpp"

namespace program {

/// The first images of a part, decoded. Every network preprocesses its images itself, each time it is asked, so that
/// its time does not depend on what ran before.
class PolicyInputs {
 public:
  PolicyInputs(const weir::detail::StoredCascade& stored, const adapt::Part& part, std::size_t most)
      : inputs_(own_preprocessing(stored)) {
    const std::size_t n = std::min(part.size(), most);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t row = part.rows[i];
      if (part.set->is_float())
        values_.insert(values_.end(), part.set->row(row).begin(), part.set->row(row).end());
      else
        images_.push_back(part.set->decode(row));
    }
    views_.assign(images_.begin(), images_.end());
    if (part.set->is_float()) {
      const weir::Shape one = part.set->row_shape();
      inputs_.begin(weir::ConstView{values_.data(), weir::Shape{static_cast<std::int64_t>(n), one[0], one[1], one[2]}});
    } else {
      inputs_.begin(views_);
    }
    size_ = n;
  }
  PolicyInputs(const PolicyInputs&) = delete;
  PolicyInputs& operator=(const PolicyInputs&) = delete;

  std::size_t size() const { return size_; }
  weir::InputMaker maker() {
    return [this](std::size_t network, std::size_t row, weir::View out) { inputs_.fill(network, row, out); };
  }

 private:
  static std::vector<std::shared_ptr<const weir::Preprocess>> own_preprocessing(
      const weir::detail::StoredCascade& stored) {
    std::vector<std::shared_ptr<const weir::Preprocess>> own;
    for (const auto& p : stored.preprocessing())
      own.push_back(p ? std::make_shared<const weir::Preprocess>(*p) : nullptr);  // a copy is shared with nobody
    return own;
  }

  weir::detail::CascadeInputs inputs_;
  std::vector<weir::Image> images_;
  std::vector<weir::ImageView> views_;
  std::vector<float> values_;
  std::size_t size_ = 0;
};

}  // namespace program
