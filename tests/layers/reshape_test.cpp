// Views, and nodes whose further outputs nothing reads.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::Graph;
using weir::Tensor;
using Ints = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("dropout_mask: outputs that nothing reads change nothing, in whatever layout the others lie") {
  for (const std::string& isa : graphs::isas())
    for (const std::int64_t channels : {3, 8, 20, 33})
      for (const std::string op : {"Dropout", "MaxPool"}) {
        CAPTURE(isa);
        CAPTURE(channels);
        CAPTURE(op);
        const auto network = [&](bool second) {
          Graph g({-1, 3, 9, 7});
          g.def.opset = 9;
          g.noise("w", {channels, 3, 3, 3}).noise("v", {5, channels, 3, 3}).node("c", "Conv", {"x", "w"});
          g.node("d", op, {"c"});
          if (op == "MaxPool") g.def.nodes.back().attributes["kernel_shape"] = Ints{2, 2};
          if (second) g.def.nodes.back().outputs.push_back("unread");
          return g.node("r", "Relu", {"d"}).node("y", "Conv", {"r", "v"}).build();
        };
        const Tensor x = graphs::noise({3, 3, 9, 7});
        CHECK(std::ranges::equal(graphs::run(network(true), x, {.isa = isa}).span(),
                                 graphs::run(network(false), x, {.isa = isa}).span()));
      }
}

TEST_CASE("replaced_view: what a hook writes into a view reaches nothing that reads what it is a view of") {
  for (const std::string& isa : graphs::isas())
    for (const std::string view : {"Identity", "Flatten", "Dropout"})
      for (const bool of_input : {false, true})
        for (const bool shown : {false, true}) {
          CAPTURE(isa);
          CAPTURE(view);
          CAPTURE(of_input);
          CAPTURE(shown);
          Graph g({-1, 3, 6, 5});
          g.noise("w", {20, 3, 3, 3}).node("c", "Conv", {"x", "w"});
          const std::string from = of_input ? "x" : "c";
          g.node("d", view, {from}).node("y1", "Relu", {"d"}).node("y2", "Neg", {from});
          g.def.outputs = {"y1", "y2", "c"};
          const weir::Network network = g.build();
          const Tensor x = graphs::noise({2, 3, 6, 5});
          weir::Executor plain(network, {.isa = isa}), run(network, {.isa = isa});
          run.on("d", [](weir::Step& s) {
            for (float& v : s.replace().span()) v = 0.75F;
          });
          if (shown) run.on("c", [](const weir::Step&) {});
          (void)plain(x);
          (void)run(x);
          CHECK(std::ranges::all_of(run.output(0).span(), [](float v) { return v == 0.75F; }));
          for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
            const auto y = run.output(i).span(), right = plain.output(i).span();
            for (std::size_t k = 0; k < y.size(); ++k) REQUIRE(std::abs(y[k] - right[k]) < 1e-5F);
          }
        }
}

}  // namespace WEIR_UNIT
