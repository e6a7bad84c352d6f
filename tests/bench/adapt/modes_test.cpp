#include "../../../bench/adapt/modes.hpp"

#include <doctest/doctest.h>

#include <weir/core/isa.hpp>
#include <weir/policy/run/cascade_spec.hpp>

#include "../../policy/cascade_cases.hpp"

namespace WEIR_UNIT {

TEST_CASE("adapt: a search that finds the cascade of another mode is known by its stages and their order") {
  using cascade_cases::a, cascade_cases::a0, cascade_cases::a1, cascade_cases::b, cascade_cases::c, weir::Topology;
  const cascade_cases::Toys toys;
  const auto mode = [&](const std::string& name, const cascade_cases::Stages& stages, const Topology& topology) {
    adapt::Mode m;
    m.name = name;
    m.spec = std::make_shared<weir::CascadeSpec>(toys.networks(), stages, topology);
    return m;
  };
  const std::vector<adapt::Mode> modes{mode("selection", {a, b, c}, Topology::all_later({"a", "b", "c"})),
                                       mode("early_exit", {a0, a1, a}, Topology::chain({"a0", "a1", "a"})),
                                       mode("search", {a, c}, Topology::chain({"a", "c"}))};
  const auto same = [&](const cascade_cases::Stages& stages, const Topology& found) -> std::string {
    const adapt::Mode* m = adapt::same_cascade(modes, mode("search", stages, found));
    return m ? m->name : "";
  };
  CHECK(same({a, b, c}, Topology::all_later({"a", "b", "c"})) == "selection");
  CHECK(same({a0, a1, a}, Topology::chain({"a0", "a1", "a"})) == "early_exit");
  CHECK(same({a, b, c}, Topology::chain({"a", "b", "c"})).empty());  // other ways between the same stages
  CHECK(same({a, c}, Topology::chain({"a", "c"})).empty());          // only itself
}

}  // namespace WEIR_UNIT
