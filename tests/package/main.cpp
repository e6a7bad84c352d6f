// Runs a network and prints the bits of its answer: the same program in all three ways of using weir.
#include <cstdio>
#include <cstring>
#include <weir/core/context.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/load_onnx.hpp>

std::int64_t elements_of_an_image();

// Two translation units include everything: what is not inline would be defined twice.
int main(int argc, char** argv) {
  if (argc != 2 || elements_of_an_image() != weir::Shape{1, 3, 8, 8}.numel()) return 1;
  try {
    weir::Executor run(weir::load_onnx(argv[1]));
    weir::Tensor x(weir::Shape{4, 1, 28, 28});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 251) / 251;
    const weir::Result result = run(x);
    for (const float v : result.output.span()) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, &v, sizeof bits);
      std::printf("%08x ", bits);
    }
    std::printf("%s\n", result.answers[0].exit.c_str());
    const weir::Context context({.gemm = "nosuch"});
  } catch (const weir::ArgumentError& e) {
    return std::strstr(e.what(), "nosuch") == nullptr;
  }
  return 1;
}
