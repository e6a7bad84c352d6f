#include <doctest/doctest.h>

#include <cstring>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("GateInputs: own features, then agreement and features of every stage known on all ways, by hand") {
  weir::Trace trace;
  trace.label = {0, 1};
  trace.stages.push_back({"a", 1, {"p"}, Eigen::MatrixXd{{0.1}, {0.2}}, {3, 4}, Eigen::VectorXd::Zero(2)});
  trace.stages.push_back({"b", 1, {"q", "r"}, Eigen::MatrixXd{{1, 2}, {3, 4}}, {3, 5}, Eigen::VectorXd::Zero(2)});
  trace.stages.push_back({"c", 1, {}, Eigen::MatrixXd(2, 0), {4, 4}, Eigen::VectorXd::Zero(2)});

  const auto chain = weir::Topology::chain({"a", "b", "c"});
  const weir::detail::GateInputs inputs = weir::detail::gate_inputs(chain, trace);
  CHECK(inputs.size(0) == 1);
  CHECK(inputs.size(1) == 4);
  CHECK(inputs.size(2) == 5);
  CHECK(inputs.max_size() == 5);
  CHECK(weir::detail::gate_matrix(inputs, trace, 0) == weir::detail::RowMatrix{{0.1}, {0.2}});
  CHECK(weir::detail::gate_matrix(inputs, trace, 1) == weir::detail::RowMatrix{{1, 2, 1, 0.1}, {3, 4, 0, 0.2}});
  CHECK(weir::detail::gate_matrix(inputs, trace, 2) == weir::detail::RowMatrix{{0, 0.1, 0, 1, 2}, {1, 0.2, 0, 3, 4}});
  CHECK(inputs.names(2, chain, {{"p"}, {"q", "r"}, {}}) ==
        std::vector<std::string>{"agree(a)", "a.p", "agree(b)", "b.q", "b.r"});

  // a may go straight to c, so c's gate must not read b.
  const auto dag = weir::Topology::all_later({"a", "b", "c"});
  CHECK(weir::detail::gate_matrix(weir::detail::gate_inputs(dag, trace), trace, 2) ==
        weir::detail::RowMatrix{{0, 0.1}, {1, 0.2}});
}

TEST_CASE("GateInputs: filling one example gives the bits of the matrix, on random graphs") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto trace = weir_test::difficulty_trace(17, 1 + seed % 7, seed, seed % 4);
    const auto topology = weir_test::random_dag(trace, seed);
    const weir::detail::GateInputs inputs = weir::detail::gate_inputs(topology, trace);
    for (std::size_t k = 0; k < topology.size(); ++k) {
      const weir::detail::RowMatrix X = weir::detail::gate_matrix(inputs, trace, k);
      for (Eigen::Index i = 0; i < X.rows(); ++i) {
        std::vector<std::vector<double>> features;
        std::vector<weir::detail::StageAnswer> answers;
        for (const auto& s : trace.stages) {
          const Eigen::VectorXd row = s.features.row(i);
          features.emplace_back(row.data(), row.data() + row.size());
        }
        for (std::size_t j = 0; j < trace.stages.size(); ++j)
          answers.push_back({trace.stages[j].prediction[static_cast<std::size_t>(i)], features[j]});
        std::vector<double> out(inputs.max_size() + 1, -7.0);
        inputs.fill(k, answers, out);
        CHECK(std::memcmp(out.data(), X.data() + i * X.cols(), inputs.size(k) * sizeof(double)) == 0);
        CHECK(out[inputs.size(k)] == -7.0);
      }
    }
  }
}

TEST_CASE("GateInputs: stages that differ are refused by name") {
  const auto trace = weir_test::difficulty_trace(5, 3, 1);
  CHECK_THROWS_AS(weir::detail::gate_inputs(weir::Topology::chain({"stage0", "stage1"}), trace), weir::ShapeError);
  CHECK_THROWS_WITH_AS(weir::detail::gate_inputs(weir::Topology::chain({"stage0", "other", "stage2"}), trace),
                       "stage 1 is 'other' in the topology and 'stage1' in the trace", weir::ShapeError);
  CHECK_THROWS_AS(weir::detail::GateInputs(weir_test::chain_of(trace), std::vector<std::size_t>{1, 2}),
                  weir::ShapeError);
}

}  // namespace WEIR_UNIT
