// Hooks that look, write and stop: how sparse each activation is, what one channel is for, and a pass that ends early.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <weir/core/executor.hpp>
#include <weir/load_onnx.hpp>

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: look_inside NETWORK.onnx TENSOR\n", 1;
  try {
    weir::Executor run(weir::load_onnx(argv[1]));
    weir::Tensor x(run.network().input_shape().with(0, 4));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7 % 13) / 13;

    weir::HookHandle look = run.on("*Relu*", [](const weir::Step& s) {
      const auto zeros = std::count(s.output().data, s.output().data + s.output().size(), 0.0F);
      std::cout << s.name() << ' ' << s.output().shape.to_string() << std::setprecision(3) << ": "
                << 100.0 * static_cast<double>(zeros) / static_cast<double>(s.output().size()) << " % zeros\n";
    });
    const weir::Tensor before = run(x).output;
    look.detach();

    weir::HookHandle write = run.on(argv[2], [](weir::Step& s) {
      const auto image = s.output().size() / s.rows(), channel = image / static_cast<std::size_t>(s.output().shape[1]);
      for (std::size_t row = 0; row < s.rows(); ++row) std::fill_n(s.replace().data + row * image, channel, 0.0F);
    });
    const weir::Tensor after = run(x).output;
    float change = 0;
    for (std::size_t i = 0; i < after.size(); ++i) change = std::max(change, std::abs(after[i] - before[i]));
    std::cout << "without channel 0 of " << argv[2] << " outputs change by up to " << change << '\n';
    write.detach();

    run.on(argv[2], [](weir::Step& s) { s.stop(); });
    std::cout << "stopped at " << run(x).answers[0].exit << '\n';
  } catch (const weir::Error& e) {
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
