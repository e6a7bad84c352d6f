/// What is thrown where a network answers NaN or infinity.
#pragma once
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <weir/core/error.hpp>

namespace weir {

/// An answer that is not finite: no class and no confidence can be read from it. Its text names network, tensor and
/// image; rows are counted from 0 in the run that met it, and at(name) is the same error with the image's own name.
class NotFiniteError : public ArgumentError {
 public:
  NotFiniteError(std::string network, std::string tensor, double value, std::size_t row)
      : NotFiniteError(std::move(network), std::move(tensor), value, row, "image " + std::to_string(row)) {}

  std::size_t row() const { return row_; }

  NotFiniteError at(const std::string& image) const { return {network_, tensor_, value_, row_, image}; }
  /// The same image, which a caller counts as `row`.
  NotFiniteError at(std::size_t row) const { return {network_, tensor_, value_, row}; }

 private:
  NotFiniteError(std::string network, std::string tensor, double value, std::size_t row, const std::string& image)
      : ArgumentError(network + ", tensor '" + tensor + "': the answer for " + image + " is " +
                      (std::isnan(value) ? "NaN"
                       : value > 0       ? "infinity"
                                         : "-infinity") +
                      ", not a finite number"),
        network_(std::move(network)),
        tensor_(std::move(tensor)),
        value_(value),
        row_(row) {}

  std::string network_, tensor_;
  double value_;
  std::size_t row_;
};

}  // namespace weir

namespace weir::detail {

/// Throws NotFiniteError for the first of the values that is NaN or infinite. Allocates nothing where all are finite.
template <typename Name>
void check_finite(std::span<const float> values, const Name& network, const std::string& tensor, std::size_t row) {
  for (const float v : values)
    if (!std::isfinite(v)) throw NotFiniteError(network(), tensor, static_cast<double>(v), row);
}

}  // namespace weir::detail
