// An operator of one's own, without touching weir: here it takes the place of Relu, and lets a little of what is
// negative pass. Operators of other domains are named "domain::Name". Options are for one network;
// weir::register_operator("com.example::Leaky", make) makes one known to all that the process reads, in cascades too.
#include <cmath>
#include <iostream>
#include <weir/core/executor.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/load_onnx.hpp>

/// y = x for x > 0, slope * x else; for any shape.
class LeakyLayer final : public weir::RunnableLayer {
 public:
  explicit LeakyLayer(float slope) : slope_(slope) {}
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> inputs) const override { return {inputs[0]}; }
  /// Examples lie in the output as they do in the input.
  weir::Examples examples(const weir::ExamplesQuery& q) const override { return q.inputs[0]; }
  /// Neither allocates nor throws.
  void forward(const weir::Context&, std::span<const weir::ConstView> in, std::span<const weir::View> out,
               float*) const override {
    for (std::size_t i = 0; i < in[0].size(); ++i) {
      const float v = in[0].data[i];
      out[0].data[i] = v > 0 ? v : slope_ * v;
    }
  }

 private:
  float slope_;
};

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: add_operator NETWORK.onnx\n", 1;
  try {
    weir::Executor own(weir::load_onnx(argv[1]));
    weir::Tensor x(own.network().input_shape().with(0, 2));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 5 % 11) / 11;
    const weir::Tensor expected = own(x).output;
    for (const float slope : {0.0F, 0.2F}) {
      weir::BuildOptions options;
      options.operators["Relu"] = [slope](const weir::NodeArguments& node) -> weir::LayerPtr {
        node.expect_inputs(1, 1);
        return std::make_shared<LeakyLayer>(slope);
      };
      const weir::Tensor y = weir::Executor(weir::load_onnx(argv[1], options))(x).output;
      float change = 0;
      for (std::size_t i = 0; i < y.size(); ++i) change = std::max(change, std::abs(y[i] - expected[i]));
      std::cout << "slope " << slope << (change < 1e-3F ? ": as weir's Relu\n" : ": other outputs\n");
    }
  } catch (const weir::Error& e) {
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
