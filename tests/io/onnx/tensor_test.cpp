#include <cmath>
#include <cstdint>
#include <weir/core/error.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/memory/shared_floats.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/io/onnx/tensor.hpp>

#include "../io_test.hpp"
#include "../proto_writer.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::onnx_graph, io_test::onnx_model, io_test::onnx_node,
    io_test::Proto;
using weir::FormatError, weir::GraphDef, weir::Shape;

namespace {

std::filesystem::path vector(const std::string& name) { return io_test::vectors() / "onnx" / (name + ".onnx"); }

/// The network y = x + w, w being this TensorProto.
GraphDef with_tensor(const Proto& tensor) {
  const std::string file = onnx_model(onnx_graph({onnx_node("Add", {"x", "w"}, {"y"})}, {tensor}));
  return weir::parse_onnx(file, "t.onnx");
}
std::string refused(const Proto& tensor) {
  return message_of<FormatError>([&] { (void)with_tensor(tensor); });
}
Proto named(std::uint64_t type) { return Proto().text(8, "w").number(2, type); }

}  // namespace

TEST_CASE("ONNX tensors: every element type, raw and typed, as the onnx package writes it") {
  for (const std::string kind : {"float", "double", "float16", "bfloat16"})
    for (const std::string how : {"_raw", "_typed"}) {
      if (kind + how == "bfloat16_typed") continue;
      INFO((kind + how));
      const weir::Constant w = weir::read_onnx(vector(kind + how)).constants.at("w");
      CHECK_FALSE(w.is_int);
      CHECK(w.shape == Shape{10});
      REQUIRE(w.floats.size() == 10);
      for (std::size_t i = 0; i < 10; ++i) CHECK(w.floats[i] == static_cast<float>(i) + 0.5F);
    }
  for (const std::string kind : {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"})
    for (const std::string how : {"_raw", "_typed"}) {
      INFO((kind + how));
      const weir::Constant w = weir::read_onnx(vector(kind + how)).constants.at("w");
      CHECK(w.is_int);
      REQUIRE(w.ints.size() == 10);
      for (int i = 0; i < 10; ++i)
        CHECK(w.ints[static_cast<std::size_t>(i)] == (kind == "bool" ? i != 0 : kind[0] == 'i' ? i - 2 : i));
    }
  for (const std::string kind : {"string", "complex64"})
    CHECK(contains(message_of<FormatError>([&] { weir::read_onnx(vector(kind)); }), "tensor 'w': element type"));
}

TEST_CASE("ONNX tensors: large weights stay in the file's bytes, wherever they lie, and outlive all else") {
  for (std::size_t shift = 0; shift < 8; ++shift)
    for (const std::size_t count : {3U, 1023U, 1024U, 5000U}) {
      INFO("shift ", shift, ", ", count, " floats");
      std::vector<float> values(count), others(count);
      for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i) - 0.25F, others[i] = -values[i];
      const auto tensor = [&](const std::string& name, const std::vector<float>& v) {
        return Proto().number(1, count).number(2, 1).text(8, name).text(
            9, std::string(reinterpret_cast<const char*>(v.data()), 4 * v.size()));
      };
      // The node's name moves what lies behind it.
      const std::string file = onnx_model(onnx_graph({onnx_node("Add", {"x", "w"}, {"a" + std::string(shift, 'a')}),
                                                      onnx_node("Add", {"a" + std::string(shift, 'a'), "v"}, {"y"})},
                                                     {tensor("w", values), tensor("v", others)}));
      weir::SharedFloats w, v;
      {
        const GraphDef kept = weir::detail::parse_onnx_file({file.begin(), file.end()}, "t.onnx");
        const GraphDef copied = weir::parse_onnx(file, "t.onnx");
        w = kept.constants.at("w").floats, v = kept.constants.at("v").floats;
        CHECK(w == copied.constants.at("w").floats);
        CHECK(v == copied.constants.at("v").floats);
      }
      CHECK(w == weir::SharedFloats(values));
      CHECK(v == weir::SharedFloats(others));
      CHECK(reinterpret_cast<std::uintptr_t>(w.data()) % alignof(float) == 0);
    }
}

TEST_CASE("half_to_float: all 65536 values, against the definition") {
  for (unsigned h = 0; h < 65536; ++h) {
    const unsigned e = h >> 10U & 31U, m = h & 1023U;
    const float got = weir::detail::half_to_float(static_cast<std::uint16_t>(h));
    if (e == 31 && m != 0) {
      REQUIRE(std::isnan(got));
      continue;
    }
    const double magnitude = e == 31  ? INFINITY
                             : e == 0 ? std::ldexp(m, -24)
                                      : std::ldexp(1024 + m, static_cast<int>(e) - 25);
    REQUIRE(static_cast<double>(got) == (h >> 15U ? -magnitude : magnitude));
    REQUIRE(std::signbit(got) == (h >> 15U != 0));
  }
}

TEST_CASE("ONNX tensors: shape and data must agree; a claim of 2^60 elements allocates nothing") {
  CHECK(with_tensor(io_test::onnx_tensor("w", {2, 2}, {1, 2, 3, 4})).constants.at("w").shape == Shape{2, 2});
  CHECK(with_tensor(io_test::onnx_tensor("w", {}, {3})).constants.at("w").shape == Shape{});
  CHECK(with_tensor(io_test::onnx_tensor("w", {0}, {})).constants.at("w").floats.empty());
  const std::uint64_t big = std::uint64_t{1} << 60, minus_one = ~std::uint64_t{0};
  for (const auto& dims : std::vector<std::vector<std::uint64_t>>{{5},
                                                                  {3},
                                                                  {0},
                                                                  {big},
                                                                  {big, big},
                                                                  {1U << 31U, 1U << 31U},
                                                                  {minus_one},
                                                                  {1, 1, 1, 1, 1, 1, 1, 1, 4},
                                                                  {0, big, big}}) {
    INFO(dims.front());
    CHECK(contains(refused(io_test::onnx_tensor("w", dims, {1, 2, 3, 4})), "t.onnx: tensor 'w': "));
  }
  Proto many = named(1);
  for (int i = 0; i < 100'000; ++i) many = std::move(many).number(1, 1);
  CHECK(contains(refused(many), "rank 100000"));
}

TEST_CASE("ONNX tensors: data in the wrong field, of two types, in pieces, of unknown type, too large, not there") {
  const std::string four_floats(16, '\0');
  CHECK(contains(refused(named(1).number(1, 4).text(5, std::string("\1\2\3\4"))), "in field 5"));
  CHECK(contains(refused(named(7).number(1, 4).text(4, four_floats)), "in field 4"));
  CHECK(contains(refused(named(1).number(1, 4).text(4, four_floats).text(5, std::string("\1"))), "data of two types"));
  CHECK(contains(refused(named(1).number(1, 4).message(3, Proto().number(1, 0)).text(9, four_floats)), "segmented"));
  CHECK(contains(refused(named(1).number(1, 4)), "needs 4 values"));
  for (const std::uint64_t type :
       {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{14}, std::uint64_t{17}, std::uint64_t{22}, std::uint64_t{99},
        (std::uint64_t{1} << 32U) + 1, ~std::uint64_t{0}})
    CHECK(contains(refused(named(type).number(1, 4).text(9, four_floats)), "element type"));
  CHECK(contains(refused(named(13).number(1, 1).text(9, std::string(8, '\xff'))), "above 2^63"));
  CHECK(refused(named(1).number(1, 4).text(9, four_floats)).empty());
  CHECK(with_tensor(named(9).number(1, 3).text(5, std::string("\2\0\1", 3))).constants.at("w").ints ==
        std::vector<std::int64_t>{1, 0, 1});
  // Integers that their type does not hold: the field is wider than most types.
  for (const auto& [type, value] : std::vector<std::pair<std::uint64_t, std::int64_t>>{{2, 256},
                                                                                       {2, -1},
                                                                                       {3, 128},
                                                                                       {3, -129},
                                                                                       {4, 65536},
                                                                                       {5, -32769},
                                                                                       {6, std::int64_t{1} << 31},
                                                                                       {10, 65536},
                                                                                       {16, -1}})
    CHECK(contains(refused(named(type).number(1, 1).number(5, static_cast<std::uint64_t>(value))),
                   "is none of element type"));
  CHECK(contains(refused(named(12).number(1, 1).number(11, std::uint64_t{1} << 32U)), "is none of element type"));
  CHECK(with_tensor(named(3).number(1, 1).number(5, static_cast<std::uint64_t>(-128))).constants.at("w").ints[0] ==
        -128);
  // Not packed, as proto2 writers do.
  CHECK(with_tensor(named(1).number(1, 2).real(4, 1.5F).real(4, 2.5F)).constants.at("w").floats ==
        std::vector<float>{1.5F, 2.5F});
}

TEST_CASE("ONNX tensors: external data from beside the file only, and as long as the shape says") {
  const weir::GraphDef graph = weir::read_onnx(vector("external"));
  CHECK(graph.weight_files == std::vector<std::string>{"external.bin"});
  const weir::Constant w = graph.constants.at("w");
  REQUIRE(w.floats.size() == 10);
  CHECK(w.floats[9] == 9.5F);
  const std::string file = io_test::slurp(vector("external"));
  CHECK(contains(message_of<FormatError>([&] { (void)weir::parse_onnx(file, "t"); }), "external data"));

  const io_test::TempFolder folder;
  folder.write("data.bin", std::string(100, '\0'));
  folder.write("net/inside.bin", std::string(100, '\0'));
  std::filesystem::create_symlink(folder / "data.bin", folder / "net/link.bin");
  const auto message = [&](const std::vector<std::pair<std::string, std::string>>& entries, std::uint64_t dim = 4) {
    Proto t = named(1).number(1, dim).number(14, 1);
    for (const auto& [key, value] : entries) t = std::move(t).message(13, Proto().text(1, key).text(2, value));
    const auto path = folder.write("net/t.onnx", onnx_model(onnx_graph({onnx_node("Add", {"x", "w"}, {"y"})}, {t})));
    return message_of<weir::Error>([&] { (void)weir::read_onnx(path); });
  };
  CHECK(message({{"location", "inside.bin"}}) == "");
  CHECK(message({{"location", "inside.bin"}, {"offset", "84"}, {"length", "16"}}) == "");
  for (const auto& entries : std::vector<std::vector<std::pair<std::string, std::string>>>{
           {{"location", "inside.bin"}, {"offset", "85"}},
           {{"location", "inside.bin"}, {"offset", "18446744073709551615"}},
           {{"location", "inside.bin"}, {"offset", "18446744073709551616"}},
           {{"location", "inside.bin"}, {"offset", "-1"}},
           {{"location", "inside.bin"}, {"offset", ""}},
           {{"location", "inside.bin"}, {"length", "15"}},
           {{"location", "inside.bin"}, {"length", "1152921504606846976"}},
           {{"location", "../data.bin"}},
           {{"location", (folder / "data.bin").string()}},
           {{"location", "link.bin"}},
           {{"location", "/dev/zero"}},
           {{"location", "."}},
           {{"location", ""}},
           {{"location", "none.bin"}},
           {}}) {
    INFO((entries.empty() ? "" : entries[0].second), " ", (entries.size() > 1 ? entries[1].second : ""));
    CHECK(contains(message(entries), "t.onnx: tensor 'w': "));
  }
  CHECK(contains(message({{"location", "inside.bin"}}, std::uint64_t{1} << 39U), "too much external data"));
}

}  // namespace WEIR_UNIT
