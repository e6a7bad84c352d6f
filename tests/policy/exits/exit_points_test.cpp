#include <doctest/doctest.h>

#include <algorithm>
#include <vector>
#include <weir/policy/exits/exit_points.hpp>
#include <weir/weir.hpp>

namespace WEIR_UNIT {

namespace {

weir::Network resnet() { return weir::load_onnx(WEIR_TEST_DIR "/../bench/networks/fashion_resnet.onnx"); }

weir::Tensor image(float seed) {
  weir::Tensor x(weir::Shape{1, 1, 28, 28});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(seed * static_cast<float>(i + 1));
  return x;
}

}  // namespace

TEST_CASE("everything behind an exit point depends on it alone") {
  const weir::Network net = resnet();
  const auto points = weir::exit_points(net);
  REQUIRE(points.size() >= 4);
  const weir::Tensor a = image(0.37F), b = image(1.91F);
  for (const weir::ExitPoint& p : points) {
    weir::Executor run(net);
    run.begin(a);
    const weir::Tensor inside{run.advance_to(p.tensor)};
    const weir::Tensor answer{run.finish()};
    weir::Executor other(net);
    other.on(p.tensor, [&](weir::Step& s) { std::copy(inside.span().begin(), inside.span().end(), s.replace().data); });
    const weir::Result result = other.run(b);
    CHECK_MESSAGE(std::equal(answer.span().begin(), answer.span().end(), result.output.span().begin()), p.tensor);
  }
}

TEST_CASE("exit points are in order and spread over the work") {
  const weir::Network net = resnet();
  const auto names = net.tensor_names();
  const auto points = weir::exit_points(net);
  for (std::size_t i = 1; i < points.size(); ++i) {
    CHECK(points[i].flops_share > points[i - 1].flops_share);
    CHECK(std::find(names.begin(), names.end(), points[i].tensor) >
          std::find(names.begin(), names.end(), points[i - 1].tensor));
  }
  const auto three = weir::detail::spread_exit_points(net, 3);
  REQUIRE(three.size() == 3);
  CHECK(three[0].flops_share < 0.5);
  CHECK(three[2].flops_share > 0.5);
  CHECK(weir::detail::spread_exit_points(net, 3, 0.999, 0.9999).empty());
}

}  // namespace WEIR_UNIT
