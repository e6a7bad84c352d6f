/// PairNumbers: what a sum or product of two tensors of 8-bit integers is.
#pragma once
#include <utility>
#include <weir/core/kernels/quantized/rounding.hpp>

namespace weir::quantized {

/// Numbers of a sum or product of two tensors of 8 bits.
struct PairNumbers {
  bool product, a_signed, b_signed;
  float a_zero, b_zero;
  float a_factor, b_factor;  ///< scales over that of the result; of a product, a_factor is that of the product
  float zero = 0;            ///< of the result, where it is added before rounding: of a product, as in ONNX Runtime
  Rounding rounding;

  PairNumbers(bool is_product, const Quantization& a, const Quantization& b, const Quantization& y)
      : product(is_product),
        a_signed(a.element == Element::int8),
        b_signed(b.element == Element::int8),
        a_zero(static_cast<float>(a.zero)),
        b_zero(static_cast<float>(b.zero)),
        a_factor(a.scale / y.scale),
        b_factor(b.scale / y.scale),
        rounding(y) {
    if (!product) return;
    float scale = a.scale * b.scale;
    rounded(scale);
    a_factor = scale / y.scale;
    zero = static_cast<float>(y.zero);
    rounding = Rounding({y.scale, 0, y.element});
  }

  /// The same with a and b exchanged.
  PairNumbers exchanged() const {
    PairNumbers p = *this;
    std::swap(p.a_signed, p.b_signed);
    std::swap(p.a_zero, p.b_zero);
    if (!product) std::swap(p.a_factor, p.b_factor);
    return p;
  }

  /// One pair of integers.
  std::int32_t operator()(std::int32_t a, std::int32_t b) const {
    float u = static_cast<float>(a) - a_zero, v = static_cast<float>(b) - b_zero;
    if (product) {
      u *= v;  // exact
      u *= a_factor;
      rounded(u);
      return rounding(u + zero);
    }
    u *= a_factor, v *= b_factor;
    rounded(u), rounded(v);
    return rounding(u + v);
  }
};

}  // namespace weir::quantized
