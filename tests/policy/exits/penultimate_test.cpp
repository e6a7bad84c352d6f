#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <weir/policy/exits/penultimate.hpp>
#include <weir/weir.hpp>

#include "../toy_cascade.hpp"

namespace WEIR_UNIT {

TEST_CASE("penultimate_tensor: the output depends on it alone, through one linear layer") {
  for (const char* file : {"fashion_alexnet", "fashion_googlenet", "fashion_resnet"}) {
    INFO(file);
    const weir::Network net = weir::load_onnx(WEIR_TEST_DIR "/../bench/networks/" + std::string(file) + ".onnx");
    const std::string name = weir::detail::penultimate_tensor(net);
    REQUIRE(!name.empty());
    const auto shape = net.shape_of(name);
    CHECK((shape.rank() == 4 || shape.rank() == 2));
    weir::Tensor a(net.input_shape()), b(net.input_shape());
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = std::sin(0.37F * static_cast<float>(i)), b[i] = 1 - a[i];
    weir::Executor run(net);
    run.begin(a);
    const weir::Tensor inside{run.advance_to(name)}, answer{run.finish()};
    weir::Executor other(net);
    other.on(name, [&](weir::Step& s) { std::ranges::copy(inside.span(), s.replace().data); });
    CHECK(std::ranges::equal(other.run(b).output.span(), answer.span()));
    int behind = 0;
    for (const auto& node : net.state().nodes)
      if (node.op == "Gemm" && node.outputs[0] > net.id_of(name)) ++behind;
    CHECK(behind == 1);
  }
}

TEST_CASE("penultimate_tensor: nothing where no layer is linear") {
  CHECK(weir::detail::penultimate_tensor(toy_cascade::network("T", {4}, {toy_cascade::counter()})).empty());
}

}  // namespace WEIR_UNIT
