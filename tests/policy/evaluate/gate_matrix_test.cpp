#include <doctest/doctest.h>

#include <string>
#include <vector>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/run/topology.hpp>

#include "../probability_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("gate features: as many names as a gate sees values, own ones first, then those of the stages before") {
  const auto trace = weir_test::probability_trace(20, 3, 5, 1);
  const auto topology = weir_test::chain_of(trace);
  const auto inputs = weir::detail::gate_inputs(topology, trace);
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(weir::gate_feature_names(topology, trace, k).size() ==
          static_cast<std::size_t>(weir::detail::gate_matrix(inputs, trace, k).cols()));
  CHECK(weir::gate_feature_names(topology, trace, 0) == trace.stages[0].feature_names);
  const auto names = weir::gate_feature_names(topology, trace, 1);
  const std::size_t own = trace.stages[1].feature_names.size();
  CHECK(names[0] == trace.stages[1].feature_names[0]);
  CHECK(names[own] == "agree(stage0)");
  CHECK(names[own + 1] == "stage0." + trace.stages[0].feature_names[0]);
  CHECK_THROWS_AS(weir::gate_feature_names(topology, trace, 3), weir::ArgumentError);
  CHECK_THROWS_AS(weir::gate_feature_names(weir::Topology::chain({"stage0"}), trace, 0), weir::ShapeError);
}

}  // namespace WEIR_UNIT
