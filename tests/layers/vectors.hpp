/// Reads tests/vectors/layers.bin.gz, see make_layers.py.
#pragma once
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/layers/build_network.hpp>

namespace vectors {

struct Case {
  std::string name;
  std::vector<char> onnx;
  std::vector<weir::Tensor> inputs, outputs;

  weir::Network network() const { return weir::build_network(weir::parse_onnx(onnx, name)); }
};

class Reader {
 public:
  explicit Reader(const std::string& path) {
    gzFile file = gzopen(path.c_str(), "rb");
    REQUIRE(file != nullptr);
    char part[1 << 16];
    for (int n; (n = gzread(file, part, sizeof part)) > 0;) bytes_.append(part, static_cast<std::size_t>(n));
    gzclose(file);
  }

  std::vector<Case> cases() {
    std::vector<Case> all;
    while (at_ < bytes_.size()) {
      Case c;
      const std::string name = block();
      c.name = name;
      const std::string onnx = block();
      c.onnx.assign(onnx.begin(), onnx.end());
      for (auto* list : {&c.inputs, &c.outputs})
        for (std::uint32_t n = number(); n > 0; --n) list->push_back(tensor());
      all.push_back(std::move(c));
    }
    return all;
  }

 private:
  std::string take(std::size_t n) {
    REQUIRE(n <= bytes_.size() - at_);
    at_ += n;
    return bytes_.substr(at_ - n, n);
  }
  std::uint32_t number() {
    std::uint32_t n = 0;
    std::memcpy(&n, take(4).data(), 4);
    return n;
  }
  std::string block() { return take(number()); }
  weir::Tensor tensor() {
    std::vector<std::int64_t> dims(number());
    for (std::int64_t& d : dims) d = number();
    weir::Tensor t{weir::Shape(std::span<const std::int64_t>(dims))};
    const std::string data = take(t.size() * sizeof(float));
    std::memcpy(t.data(), data.data(), data.size());
    return t;
  }

  std::string bytes_;
  std::size_t at_ = 0;
};

inline const std::vector<Case>& all() {
  static const std::vector<Case> cases = Reader(WEIR_TEST_DIR "/vectors/layers.bin.gz").cases();
  return cases;
}

inline std::vector<weir::Tensor> run(weir::Executor& executor, const std::vector<weir::Tensor>& inputs) {
  std::vector<weir::ConstView> views(inputs.begin(), inputs.end());
  executor.begin(views);
  (void)executor.finish();
  std::vector<weir::Tensor> outputs;
  for (std::size_t i = 0; i < executor.network().state().outputs.size(); ++i) outputs.emplace_back(executor.output(i));
  return outputs;
}

/// Largest |a - b| in units of |b| / 1e5 (and of the largest |b| / 5e5): up to 1 is equal.
inline double distance(const weir::Tensor& a, const weir::Tensor& b) {
  if (a.shape() != b.shape()) return 1e30;
  double largest = 0, worst = 0;
  for (float v : b.span()) largest = std::max(largest, std::abs(double{v}));
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double error = std::abs(double{a[i]} - double{b[i]});
    const double allowed = 1e-5 * std::abs(double{b[i]}) + 2e-6 * largest + 1e-30;
    if (!(error <= allowed)) worst = std::max(worst, std::isnan(a[i]) == std::isnan(b[i]) ? error / allowed : 1e30);
  }
  return worst;
}

inline bool same_bits(const weir::Tensor& a, const weir::Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace vectors
