#include "../../../bench/adapt/copies.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/npy.hpp>

#include "../../io/io_test.hpp"
#include "../../policy/serve/stored_toys.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;

TEST_CASE("adapt: what --make says, and what is made where it says nothing") {
  adapt::Options o;
  const auto is = [&](bool int8, bool exits, bool asked) {
    const adapt::Making m = adapt::making(o);
    CHECK(m.int8 == int8);
    CHECK(m.exits == exits);
    CHECK(m.asked == asked);
    CHECK(m.why.empty() == (int8 || !o.make.empty()));
  };
  is(true, true, false);
  o.quick = true;
  is(false, true, false);
  o.make = {"int8", "exits"};
  is(true, true, true);
  o.make = {"int8"};
  is(true, false, true);
  o.make = {"none"};
  is(false, true, false);
  o.make = {"exits"};
  is(false, true, false);
  o.make = {"none", "int8"};
  CHECK(contains(message_of<weir::ArgumentError>([&] { static_cast<void>(adapt::making(o)); }), "nothing else"));
  o.make.clear();
  o.quick = false;
  for (const char* costs : {"flops", "table.csv"}) {
    o.costs.kind = costs;
    is(false, true, false);
    CHECK(contains(adapt::making(o).why, costs));
  }
  o.make = {"int8"};
  CHECK(contains(message_of<weir::ArgumentError>([&] { static_cast<void>(adapt::making(o)); }), "yet to be made"));
  o.costs.kind = "energy";
  is(true, false, true);
}

TEST_CASE("adapt: copies are the run's to replace, other networks are not") {
  CHECK(adapt::is_result("member_a_int8.onnx"));
  for (const char* other : {"a.onnx", "a_int8.onnx", "member_int8.onnx", "member__int8.onnx.txt", "member_a.onnx"})
    CHECK_FALSE(adapt::is_result(other));
}

TEST_CASE("adapt: a copy is made from images of the policy part and no others, and stands in front of its network") {
  const io_test::TempFolder folder;
  constexpr std::size_t n = 60, in_policy = 40, each = 28 * 28;
  weir::Tensor images(weir::Shape{static_cast<std::int64_t>(n), 1, 28, 28});
  for (std::size_t i = 0; i < images.size(); ++i)  // whoever looks at another image gets an answer that is not finite
    images.data()[i] =
        i / each % 3 == 1 ? std::numeric_limits<float>::max() : static_cast<float>(i * i % 97) / 48.0F - 1.0F;
  weir::write_npy(folder / "x.npy", images.view());
  const adapt::Part all = adapt::load_part((folder / "x.npy").string(), std::string(adapt::no_labels));
  adapt::Part policy = all;
  std::erase_if(policy.rows, [](std::size_t r) { return r % 3 == 1; });
  REQUIRE(policy.size() == in_policy);

  adapt::Options o;
  o.networks = {(stored_toys::networks() / "fashion_alexnet.onnx").string(),
                (stored_toys::networks() / "fashion_googlenet.onnx").string()};
  o.make = {"int8", "exits"};
  o.quick = true;
  o.out = (folder / "results").string();
  const adapt::Models given(o);
  adapt::check_making(adapt::making(o), o, given);
  const std::vector<weir::ExitPoint> points = adapt::choose_exits("", o, given).points;
  REQUIRE(!points.empty());
  const program::ResultsFolder out(o.out, adapt::is_result);
  const auto tried_on = [&](const adapt::Part& part) {
    std::vector<adapt::CopyTried> tried;
    for (std::size_t net = 0; net < given.all.size(); ++net)
      tried.push_back(adapt::make_copy(net, o, part, given, out));
    return tried;
  };
  const std::vector<adapt::CopyTried> tried = tried_on(policy);
  const adapt::Members members = adapt::with_copies(given, {adapt::choose_exits("", o, given)}, tried, policy, o);
  const adapt::Models& models = members.models;
  const std::vector<adapt::Heads>& heads = members.exits;
  CHECK(given.all.size() == 2);  // a value is returned, the networks given stay

  REQUIRE(models.made_copies.size() == 2);
  CHECK(models.all.back().name == "fashion_googlenet");
  CHECK(models.all[heads[0].model].name == "fashion_googlenet");
  std::size_t kept = 0;
  for (const adapt::MadeCopy& c : models.made_copies) {
    CHECK(c.report.calibrated_on + c.report.judged_on == in_policy);
    CHECK(c.kept == (c.seconds < c.fp32_seconds));
    CHECK(std::ranges::count(tried, adapt::copy_line(c), &adapt::CopyTried::line) == 1);
    CHECK(std::filesystem::exists(out.path(c.file)) == c.kept);
    kept += c.kept ? 1 : 0;
  }
  REQUIRE(models.all.size() == 2 + kept);
  for (std::size_t i = 0; i < models.all.size(); ++i) {
    const adapt::Model& m = models.all[i];
    if (m.copy_of.empty()) continue;
    CHECK(models.all[i + 1].file == m.copy_of);
    CHECK(m.given_file() == m.copy_of);
    CHECK(std::filesystem::path(m.file).parent_path() == o.out);
    CHECK(m.present_file() == out.path(std::filesystem::path(m.file).filename().string()).string());
    CHECK(m.network.output_shape() == models.all[i + 1].network.output_shape());
  }
  // That the other images would have been noticed:
  const std::vector<adapt::CopyTried> noticed = tried_on(all);
  REQUIRE(noticed.size() == 2);
  CHECK(contains(noticed[0].line, "no 8-bit copy of fashion_alexnet"));
  CHECK(contains(noticed[0].line, "finite"));
  const adapt::Members none = adapt::with_copies(given, {}, noticed, all, o);
  CHECK(none.models.made_copies.empty());
  CHECK(none.models.all.size() == 2);
  CHECK_FALSE(none.searches);

  if (models.made_copies[1].kept) {  // exits of the last network, at the same tensors of its copy
    CHECK(members.searches);
    REQUIRE(heads.size() == 2);
    CHECK(models.all[heads[1].model].name == "fashion_googlenet_int8");
    CHECK(!heads[1].points.empty());
    for (const weir::ExitPoint& p : heads[1].points)
      CHECK(std::ranges::count(points, p.tensor, &weir::ExitPoint::tensor) == 1);
  }
}

}  // namespace WEIR_UNIT
