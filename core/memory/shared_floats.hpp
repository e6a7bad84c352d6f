/// SharedFloats: weights that several layers and plans hold, and none changes.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace weir {

/// A row of floats with shared ownership; copies are cheap. They may lie inside something larger, a file's bytes, which
/// then lives as long as they do.
class SharedFloats {
 public:
  SharedFloats() = default;
  SharedFloats(std::vector<float> values) {  // implicit: a vector that will not change any more
    auto kept = std::make_shared<const std::vector<float>>(std::move(values));
    size_ = kept->size();
    data_ = std::shared_ptr<const float>(kept, kept->data());
  }
  /// data[0 .. size) lies in what owner keeps alive.
  SharedFloats(const std::shared_ptr<const void>& owner, const float* data, std::size_t size)
      : data_(owner, data), size_(size) {}

  const float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const float* begin() const { return data(); }
  const float* end() const { return data() + size_; }
  float operator[](std::size_t i) const { return data()[i]; }

  friend bool operator==(const SharedFloats& a, const SharedFloats& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::shared_ptr<const float> data_;
  std::size_t size_ = 0;
};

}  // namespace weir
