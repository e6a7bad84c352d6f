// Runs an ONNX network, looks at every tensor, and lets half of the batch leave early.
#include <iostream>
#include <weir/core/executor.hpp>
#include <weir/load_onnx.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: run_network NETWORK.onnx\n", 1;
  try {
    weir::Executor run(weir::load_onnx(argv[1]));
    run.on("*", [](const weir::Step& s) { std::cout << s.name() << ' ' << s.output().shape.to_string() << '\n'; });
    run.on(run.network().tensor_names().front(), [](weir::Step& s) {
      for (std::size_t row = 0; row < s.rows(); ++row)
        if (s.example(row) % 2 == 0) s.exit(row, 7);  // a real rule looks at s.output()
    });
    const weir::Result result = run(weir::Tensor(run.network().input_shape().with(0, 8)));
    for (const weir::Answer& a : result.answers) std::cout << "class " << a.label << ", left at " << a.exit << '\n';
  } catch (const weir::Error& e) {
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
