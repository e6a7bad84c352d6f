/// Tensor: an owning block of float32, and the views that kernels work on.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <weir/core/memory/blocks.hpp>
#include <weir/core/shape.hpp>

namespace weir {

/// Dense row-major floats that it does not own.
struct ConstView {
  const float* data = nullptr;
  Shape shape;
  std::size_t size() const { return static_cast<std::size_t>(shape.numel()); }
  std::span<const float> span() const { return {data, size()}; }
};

/// As ConstView, writable.
struct View {
  float* data = nullptr;
  Shape shape;
  std::size_t size() const { return static_cast<std::size_t>(shape.numel()); }
  std::span<float> span() const { return {data, size()}; }
  operator ConstView() const { return {data, shape}; }
};

/// Floats aligned to a cache line; grows, never shrinks, and does not keep its content when it grows. Large ones ask
/// for huge pages, where the system has them.
class Buffer {
 public:
  /// At least n floats, uninitialised. Throws std::bad_alloc.
  float* reserve(std::size_t n) {
    if (n > capacity_) {
      data_.reset();
      capacity_ = 0;
      const std::size_t bytes = n * sizeof(float);
      data_ = {static_cast<float*>(detail::allocate_block(bytes)), Free{bytes}};
      capacity_ = n;
    }
    return data_.get();
  }
  float* data() const { return data_.get(); }
  std::size_t capacity() const { return capacity_; }

 private:
  struct Free {
    std::size_t bytes;
    Free() : Free(0) {}
    explicit Free(std::size_t size) : bytes(size) {}
    void operator()(float* p) const { detail::free_block(p, bytes); }
  };
  std::unique_ptr<float, Free> data_;
  std::size_t capacity_ = 0;
};

/// An owning tensor: float32, dense, row-major (images NCHW), 64-byte aligned. Copies are deep.
class Tensor {
 public:
  Tensor() = default;
  /// Zero-filled.
  explicit Tensor(Shape shape) : shape_(shape), size_(static_cast<std::size_t>(shape.numel())) {
    std::fill_n(buffer_.reserve(std::max<std::size_t>(size_, 1)), size_, 0.0F);
  }
  /// Throws ShapeError unless values has shape.numel() elements.
  Tensor(Shape shape, std::span<const float> values) : shape_(shape), size_(static_cast<std::size_t>(shape.numel())) {
    if (values.size() != size_)
      throw ShapeError(detail::message({"shape ", shape.to_string(), " does not hold ", values.size(), " values"}));
    std::copy(values.begin(), values.end(), buffer_.reserve(std::max<std::size_t>(size_, 1)));
  }
  explicit Tensor(ConstView v) : Tensor(v.shape, v.span()) {}
  Tensor(const Tensor& t) : Tensor(t.shape_, t.span()) {}
  Tensor& operator=(const Tensor& t) { return *this = Tensor(t); }
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;
  ~Tensor() = default;

  const Shape& shape() const { return shape_; }
  std::size_t size() const { return size_; }
  float* data() { return buffer_.data(); }
  const float* data() const { return buffer_.data(); }
  std::span<float> span() { return {data(), size_}; }
  std::span<const float> span() const { return {data(), size_}; }
  float& operator[](std::size_t i) { return data()[i]; }
  float operator[](std::size_t i) const { return data()[i]; }

  View view() { return {data(), shape_}; }
  ConstView view() const { return {data(), shape_}; }
  operator ConstView() const { return view(); }

 private:
  Shape shape_;
  std::size_t size_ = 0;
  Buffer buffer_;
};

}  // namespace weir
