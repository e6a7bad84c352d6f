/// One random network with its inputs and ONNX Runtime's answers, as generate.py and reference.cjs left them.
#pragma once
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/file.hpp>

namespace random_networks {

inline constexpr std::size_t all_rows = 7;

struct Named {
  std::string name;
  bool rows = false;  ///< its outermost dimension is the batch
};

/// What was computed for some rows of the inputs: each output, then each tap.
struct Answers {
  std::vector<std::size_t> rows;
  std::vector<weir::Tensor> values;
};

struct Question {
  std::filesystem::path model;
  std::string seed, ops, refusal;  ///< refusal: why ONNX Runtime does not answer
  std::vector<std::string> kinds;
  std::int64_t fixed = 0;
  std::vector<weir::Tensor> inputs;  ///< of all rows
  std::vector<Named> outputs, taps;
  std::vector<Answers> right;

  bool is(const std::string& kind) const { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); }

  /// Rows of the inputs, in the order given.
  std::vector<weir::Tensor> take(const std::vector<std::size_t>& rows) const {
    std::vector<weir::Tensor> taken;
    for (const weir::Tensor& t : inputs) {
      const std::size_t size = t.size() / all_rows;
      taken.emplace_back(t.shape().with(0, static_cast<std::int64_t>(rows.size())));
      for (std::size_t i = 0; i < rows.size(); ++i)
        std::copy_n(t.data() + rows[i] * size, size, taken.back().data() + i * size);
    }
    return taken;
  }
};

/// Takes values from the front of bytes. Throws FormatError at their end.
class Reader {
 public:
  explicit Reader(const weir::detail::Bytes& bytes) : bytes_(bytes) {}
  void take(void* to, std::size_t n) {
    if (n > bytes_.size() - at_) throw weir::FormatError("a file of random networks ends early");
    if (n > 0) std::memcpy(to, bytes_.data() + at_, n);
    at_ += n;
  }
  std::uint32_t number() {
    std::uint32_t n = 0;
    take(&n, sizeof n);
    return n;
  }
  weir::Tensor tensor() {
    std::vector<std::int64_t> dims(number());
    for (std::int64_t& d : dims) d = number();
    return floats(weir::Shape(std::span<const std::int64_t>(dims)));
  }
  weir::Tensor floats(const weir::Shape& shape) {
    weir::Tensor t(shape);
    take(t.data(), t.size() * sizeof(float));
    return t;
  }
  std::string rest() const { return {bytes_.begin() + static_cast<std::ptrdiff_t>(at_), bytes_.end()}; }

 private:
  const weir::detail::Bytes& bytes_;
  std::size_t at_ = 0;
};

/// stem: the file's name without .onnx. Throws weir::Error, nlohmann's exceptions.
inline Question read_question(const std::string& stem) {
  Question q;
  q.model = stem + ".onnx";
  const weir::detail::Bytes text = weir::detail::read_file(stem + ".json");
  const auto about = nlohmann::json::parse(text.begin(), text.end());
  q.seed = std::to_string(about["seed"].get<std::int64_t>());
  q.fixed = about["fixed"].get<std::int64_t>();
  q.kinds = about["kinds"].get<std::vector<std::string>>();
  for (const auto& op : about["ops"]) q.ops += (q.ops.empty() ? "" : " ") + op.get<std::string>();
  for (const auto& o : about["outputs"]) q.outputs.push_back({o["name"], o["rows"]});
  for (const auto& o : about["taps"]) q.taps.push_back({o["name"], o["rows"]});
  const weir::detail::Bytes input_bytes = weir::detail::read_file(stem + ".in"),
                            right = weir::detail::read_file(stem + ".ref");
  Reader input(input_bytes), reference(right);
  for (const auto& i : about["inputs"]) {
    std::vector<std::int64_t> dims = {static_cast<std::int64_t>(all_rows)};
    for (const auto& d : i["dims"]) dims.push_back(d.get<std::int64_t>());
    q.inputs.push_back(input.floats(weir::Shape(std::span<const std::int64_t>(dims))));
  }
  if (reference.number() == 0) {
    q.refusal = reference.rest();
    return q;
  }
  for (const auto& rows : about["runs"]) {
    Answers a{rows.get<std::vector<std::size_t>>(), {}};
    for (std::size_t i = 0; i < q.outputs.size() + q.taps.size(); ++i) a.values.push_back(reference.tensor());
    q.right.push_back(std::move(a));
  }
  return q;
}

/// How far engines may round apart: this part of the value and of the largest value of its tensor.
inline constexpr double rounding = 1e-3, rounding_of_largest = 1e-4;

/// "" if got is right but for rounding. NaN and infinities must be where they are.
inline std::string differs(weir::ConstView got, weir::ConstView right) {
  if (!(got.shape == right.shape)) return "shape " + got.shape.to_string() + " instead of " + right.shape.to_string();
  double largest = 0;
  for (const float v : right.span())
    if (std::isfinite(v)) largest = std::max(largest, std::abs(static_cast<double>(v)));
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double g = static_cast<double>(got.data[i]), r = static_cast<double>(right.data[i]);
    const bool same = std::isfinite(r)
                          ? std::abs(g - r) <= rounding * std::abs(r) + rounding_of_largest * largest + 1e-6
                      : std::isnan(r) ? std::isnan(g)
                                      : g == r;
    if (!same && wrong++ == 0) first = i;
  }
  if (wrong == 0) return {};
  return std::to_string(wrong) + " of " + std::to_string(right.size()) + " values of " + right.shape.to_string() +
         ", number " + std::to_string(first) + " is " + std::to_string(got.data[first]) + " instead of " +
         std::to_string(right.data[first]);
}

/// "" if the same bits.
inline std::string differs_in_bits(weir::ConstView got, weir::ConstView right) {
  if (!(got.shape == right.shape)) return "shape " + got.shape.to_string() + " instead of " + right.shape.to_string();
  for (std::size_t i = 0; i < right.size(); ++i)
    if (std::memcmp(got.data + i, right.data + i, sizeof(float)) != 0 &&
        !(std::isnan(got.data[i]) && std::isnan(right.data[i])))
      return "value " + std::to_string(i) + " of " + right.shape.to_string() + " is " + std::to_string(got.data[i]) +
             " instead of " + std::to_string(right.data[i]);
  return {};
}

/// Row r of a tensor that has rows.
inline weir::ConstView row(weir::ConstView t, std::size_t r) {
  const std::size_t size = t.shape[0] == 0 ? 0 : t.size() / static_cast<std::size_t>(t.shape[0]);
  return {t.data + r * size, t.shape.with(0, 1)};
}

}  // namespace random_networks
