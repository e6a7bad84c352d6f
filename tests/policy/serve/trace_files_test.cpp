#include <doctest/doctest.h>

#include <cmath>
#include <weir/policy/serve/trace_files.hpp>

#include "../../io/io_test.hpp"
#include "../probability_trace.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::TempFolder;

TEST_CASE("trace files: read back equal to the last bit, with the probabilities beside them or without") {
  const TempFolder folder;
  auto trace = weir_test::probability_trace(30, 2, 4, 1);
  weir::write_trace(trace, folder / "t.csv");
  CHECK(std::filesystem::exists(folder / "t.probabilities.npy"));
  const auto back = weir::read_trace(folder / "t.csv");
  CHECK(back.label == trace.label);
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(back.stages[k].probabilities == trace.stages[k].probabilities);
    CHECK(back.stages[k].features == trace.stages[k].features);
    CHECK(back.stages[k].loss == trace.stages[k].loss);
  }
  // Another trace in their place takes the probabilities away.
  trace.stages[1].probabilities.resize(0, 0);
  weir::write_trace(trace, folder / "t.csv");
  CHECK(!std::filesystem::exists(folder / "t.probabilities.npy"));
  CHECK(weir::read_trace(folder / "t.csv").stages[0].probabilities.size() == 0);
}

TEST_CASE("trace files: probabilities that do not fit are refused") {
  const TempFolder folder;
  const auto trace = weir_test::probability_trace(30, 2, 4, 1);
  weir::write_trace(trace, folder / "t.csv");
  auto all = weir::read_npy(folder / "t.probabilities.npy").to_tensor();
  all.data()[17] = NAN;
  weir::write_npy(folder / "t.probabilities.npy", all.view());
  CHECK_THROWS_WITH_AS(weir::read_trace(folder / "t.csv"),
                       "trace, stage 'stage0': probability of class 1 must be finite and >= 0 at row 4",
                       weir::ArgumentError);
  for (const weir::Shape& wrong : {weir::Shape{2, 29, 4}, weir::Shape{1, 30, 4}, weir::Shape{2, 30, 1}}) {
    weir::write_npy(folder / "t.probabilities.npy", weir::Tensor(wrong).view());
    const auto message = message_of<weir::FormatError>([&] { weir::read_trace(folder / "t.csv"); });
    CHECK(contains(message, "t.probabilities.npy"));
    CHECK(contains(message, "is not [2 stages, 30 examples, classes]"));
  }
}

}  // namespace WEIR_UNIT
