#include <cmath>
#include <limits>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/files/npy.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;
using weir::FormatError, weir::NpyType, weir::Shape, weir::Tensor;

namespace {

std::string npy(const std::string& header, const std::string& data, char major = 1) {
  std::string out("\x93NUMPY", 6);
  out += major;
  out += '\0';
  const std::size_t n = header.size();
  for (unsigned i = 0; i < (major == 1 ? 2U : 4U); ++i) out += static_cast<char>(n >> 8 * i & 0xFFU);
  return out + header + data;
}

std::string header(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

weir::NpyArray parse(const std::string& file) { return weir::detail::parse_npy({file.begin(), file.end()}); }

std::vector<float> floats(const std::string& file) {
  const Tensor t = parse(file).to_tensor();
  return {t.span().begin(), t.span().end()};
}

}  // namespace

TEST_CASE("npy: float32 written and read back, bit for bit, for every rank") {
  const io_test::TempFolder folder;
  for (const Shape& shape :
       {Shape{}, Shape{5}, Shape{0}, Shape{2, 3}, Shape{1, 2, 3, 4}, Shape{2, 0, 3}, Shape{1, 1, 1, 1, 1, 1, 1, 2}}) {
    Tensor t(shape);
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = 1.0F / static_cast<float>(i + 3);
    if (t.size() > 3) t[1] = -0.0F, t[2] = std::numeric_limits<float>::infinity(), t[3] = 1e-42F;
    weir::write_npy(folder / "t.npy", t);
    const std::string file = io_test::slurp(folder / "t.npy");
    CHECK((file.size() - t.size() * 4) % 64 == 0);
    const Tensor back = weir::read_npy(folder / "t.npy").to_tensor();
    CHECK(back.shape() == shape);
    CHECK(bytes_of(std::vector<float>(back.span().begin(), back.span().end())) ==
          file.substr(file.size() - t.size() * 4));
    CHECK(bytes_of(std::vector<float>(t.span().begin(), t.span().end())) == file.substr(file.size() - t.size() * 4));
  }
}

TEST_CASE("npy: int64 written and read back") {
  const io_test::TempFolder folder;
  const std::vector<std::int64_t> values{0, -1, std::numeric_limits<std::int64_t>::min(), 1LL << 62, 7, 8};
  weir::write_npy(folder / "t.npy", Shape{2, 3}, values);
  const weir::NpyArray array = weir::read_npy(folder / "t.npy");
  CHECK(array.dtype == NpyType::int64);
  CHECK(array.shape == Shape{2, 3});
  CHECK(array.to_ints() == values);
  CHECK_THROWS_AS(weir::write_npy(folder / "t.npy", Shape{2, 2}, values), weir::ShapeError);
}

TEST_CASE("npy: files that NumPy wrote") {
  const auto folder = io_test::vectors() / "npy";
  const auto ints = [&](const char* name) { return weir::read_npy(folder / name).to_ints(); };
  CHECK(ints("int16.npy") == std::vector<std::int64_t>{-32768, 0, 32767});
  CHECK(ints("int32.npy") == std::vector<std::int64_t>{-2147483648LL, 0, 2147483647});
  CHECK(ints("uint8.npy") == std::vector<std::int64_t>{0, 128, 255});
  CHECK(ints("bool.npy") == std::vector<std::int64_t>{1, 0, 1});
  CHECK(ints("fortran_i8.npy") == ints("c_i8.npy"));
  CHECK(weir::read_npy(folder / "fortran_i8.npy").shape == Shape{2, 3, 4});
  const Tensor f8 = weir::read_npy(folder / "float64.npy").to_tensor();
  CHECK(f8[0] == 0.1F);
  CHECK(std::isinf(f8[1]));
  CHECK(std::isnan(f8[2]));
  const Tensor f4 = weir::read_npy(folder / "float32_v2.npy").to_tensor();
  CHECK(f4.shape() == Shape{2, 2});
  CHECK(f4[3] == 3.5F);
  CHECK(weir::read_npy(folder / "scalar.npy").shape == Shape{});
  CHECK_THROWS_AS(weir::read_npy(folder / "float32_v2.npy").to_ints(), FormatError);
  for (const char* name : {"big_endian.npy", "complex.npy", "string.npy", "record.npy", "float16.npy", "uint64.npy"}) {
    INFO(name);
    CHECK(contains(message_of<FormatError>([&] { weir::read_npy(folder / name); }), name));
  }
}

TEST_CASE("npy: header variants") {
  const std::string data = bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6});
  const std::vector<float> row_major{1, 2, 3, 4, 5, 6};
  CHECK(floats(npy(header("<f4", "(2, 3)"), data)) == row_major);
  CHECK(floats(npy(header("<f4", "(2L, 3L)"), data)) == row_major);
  CHECK(floats(npy(header("<f4", "(6,)"), data)) == row_major);
  CHECK(floats(npy(header("<f4", "(2, 3)", true), data)) == std::vector<float>{1, 3, 5, 2, 4, 6});
  CHECK(floats(npy("{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":False}  \n", data)) == row_major);
  CHECK(floats(npy(header("<f4", "(2, 3)"), data, 2)) == row_major);
  CHECK(floats(npy(header("<f4", "(2, 3)"), data, 3)) == row_major);
}

TEST_CASE("npy: damaged headers") {
  const std::string data = bytes_of(std::vector<float>{1, 2});
  const std::vector<std::string> bad{"",
                                     "{",
                                     "{}",
                                     "[]",
                                     "'descr'",
                                     "{'descr': '<f4', 'fortran_order': False}",
                                     "{'descr': '<f4'",
                                     "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
                                     "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
                                     "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}",
                                     "{'descr': '<f4', 'fortran_order': False, 'shape': 2}",
                                     "{'descr': '<f4', 'fortran_order': False, 'shape': (2",
                                     "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
                                     "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
                                     header("<f4", "(-2,)"),
                                     header("<f4", "(1.5,)"),
                                     header("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 2)"),
                                     header("<f4", "(99999999999999999999,)"),
                                     header(">f4", "(2,)"),
                                     header("<f4", "(3,)"),
                                     header("<f4", "(1,)"),
                                     header("<f4", "(1152921504606846976,)"),
                                     header("<f4", "(4294967296, 4294967296)"),
                                     header("<f4", "(0, 4294967296, 4294967296)"),
                                     header("<f4", "(4611686018427387904, 4)")};
  for (const std::string& h : bad) {
    INFO(h);
    CHECK_THROWS_AS(parse(npy(h, data)), weir::Error);
  }
  CHECK_THROWS_AS(parse(npy(header("<f4", "(2,)"), data, 4)), FormatError);
  CHECK_THROWS_AS(parse(npy(header("<f4", "(2,)"), data, 0)), FormatError);
  CHECK_THROWS_AS(parse("PK\x03\x04 a zip archive"), FormatError);
}

TEST_CASE("npy: cut off at every byte; any bit flipped") {
  for (const char major : {'\1', '\2'}) {
    const std::string file = npy(header("<f4", "(2, 3)"), bytes_of(std::vector<float>(6, 1.5F)), major);
    io_test::check_every_prefix_refused(file, [](const weir::detail::Bytes& b) { return weir::detail::parse_npy(b); });
    const std::size_t refused = io_test::sweep_bit_flips(file, [](const weir::detail::Bytes& b) {
      const weir::NpyArray array = weir::detail::parse_npy(b);
      if (array.to_tensor().size() != array.size()) throw std::logic_error("size");
    });
    CHECK(refused > file.size() * 3);  // most of the header's bits matter
  }
}

TEST_CASE("read_npy: errors name the file once") {
  const io_test::TempFolder folder;
  const auto path = folder.write("x.npy", npy(header("<f4", "(1152921504606846976,)"), "abcd"));
  const std::string what = message_of<FormatError>([&] { weir::read_npy(path); });
  CHECK(contains(what, "x.npy: shape [1152921504606846976]"));
  CHECK(what.find("x.npy") == what.rfind("x.npy"));
  CHECK_THROWS_AS(weir::read_npy(folder / "none.npy"), weir::IoError);
  CHECK_THROWS_AS(weir::write_npy(folder / "no/such/folder.npy", Tensor(Shape{1})), weir::IoError);
}

}  // namespace WEIR_UNIT
