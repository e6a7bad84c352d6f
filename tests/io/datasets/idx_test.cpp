#include <zlib.h>

#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/datasets/idx.hpp>
#include <weir/io/files/file.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;
using weir::FormatError, weir::Shape;

namespace {

std::string idx(const std::vector<std::uint32_t>& dims, const std::string& data, char type = 8) {
  std::string out{'\0', '\0', type, static_cast<char>(dims.size())};
  for (const std::uint32_t d : dims)
    for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(d >> shift & 0xFFU);
  return out + data;
}

std::string gzip(const std::string& plain, int level = 9) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, level, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, plain.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

weir::detail::IdxArray parse(const weir::detail::Bytes& bytes) {
  return weir::detail::parse_idx(std::span<const char>(bytes));
}
weir::detail::IdxArray parse(const std::string& bytes) {
  return parse(weir::detail::Bytes(bytes.begin(), bytes.end()));
}

}  // namespace

TEST_CASE("IDX: plain and gzipped files give their bytes and shape") {
  const std::string data = "abcdefghijklmnopqrstuvwx";
  for (const std::string& file : {idx({2, 3, 4}, data), gzip(idx({2, 3, 4}, data)), gzip(idx({2, 3, 4}, data), 0)}) {
    const weir::detail::IdxArray array = parse(file);
    CHECK(array.shape == Shape{2, 3, 4});
    CHECK(std::string(array.bytes.begin(), array.bytes.end()) == data);
  }
  CHECK(parse(idx({0, 28, 28}, "")).bytes.empty());
}

TEST_CASE("IDX: a gzip file of several members is read as gunzip does") {
  const std::string file = idx({2, 3}, "abcdef");
  for (std::size_t cut = 0; cut <= file.size(); ++cut) {
    const weir::detail::IdxArray array = parse(gzip(file.substr(0, cut)) + gzip(file.substr(cut)));
    CHECK(std::string(array.bytes.begin(), array.bytes.end()) == "abcdef");
  }
}

TEST_CASE("IDX: cut off at every byte, and bytes too many") {
  for (const std::string& file : {idx({2, 3}, "abcdef"), gzip(idx({2, 3}, "abcdef"))}) {
    io_test::check_every_prefix_refused(file, [](const weir::detail::Bytes& b) { return parse(b); });
    CHECK_THROWS_AS(parse(file + "x"), FormatError);
  }
  CHECK(contains(message_of<FormatError>([] { parse(gzip(idx({2, 3}, "abcdefg"))); }), "has more"));
  CHECK(contains(message_of<FormatError>([] { parse(gzip(idx({2, 3}, "abcde"))); }), "[2, 3] needs 6 bytes"));
}

TEST_CASE("IDX: a flipped bit of gzipped data never goes unnoticed") {
  const std::string file = gzip(idx({2, 3}, "abcdef"));
  const std::string whole = "abcdef";
  io_test::sweep_bit_flips(file, [&](const weir::detail::Bytes& b) {
    const weir::detail::IdxArray array = parse(b);  // bits of the header that say nothing about the data may be flipped
    CHECK(std::string(array.bytes.begin(), array.bytes.end()) == whole);
  });
  io_test::sweep_bit_flips(idx({2, 3}, whole), [](const weir::detail::Bytes& b) { return parse(b); });
}

TEST_CASE("IDX: wrong magic, types and ranks") {
  CHECK_THROWS_AS(parse("PNG image"), FormatError);
  CHECK(contains(message_of<FormatError>([] { parse(idx({1}, "aaaa", 0x0D)); }), "element type 13"));
  CHECK_THROWS_AS(parse(idx({}, "")), FormatError);
  CHECK_THROWS_AS(parse(idx(std::vector<std::uint32_t>(9, 1), "a")), FormatError);
}

TEST_CASE("IDX: a header that claims the moon allocates nothing") {
  const std::vector<std::vector<std::uint32_t>> claims{
      {0xFFFFFFFF}, {0xFFFFFFFF, 0xFFFFFFFF}, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, {1U << 20, 1U << 19}};
  for (const auto& dims : claims) {
    CHECK_THROWS_AS(parse(idx(dims, "abc")), weir::Error);
    CHECK_THROWS_AS(parse(gzip(idx(dims, "abc"))), weir::Error);
  }
}

TEST_CASE("IDX: a gzip bomb is not decompressed beyond what its header claims") {
  const std::string bomb = gzip(idx({2, 3}, "abcdef" + std::string(50 << 20, '\0')));
  CHECK(bomb.size() < 100'000);
  CHECK(contains(message_of<FormatError>([&] { parse(bomb); }), "has more"));
}

TEST_CASE("read_idx: errors name the file; missing files and folders are IoError") {
  const io_test::TempFolder folder;
  const auto path = folder.write("train-images", "xx");
  CHECK(contains(message_of<FormatError>([&] { weir::detail::read_idx(path); }), "train-images: not an IDX"));
  CHECK(contains(message_of<weir::IoError>([&] { weir::detail::read_idx(folder / "none.gz"); }), "none.gz"));
  CHECK_THROWS_AS(weir::detail::read_idx(folder.path()), weir::IoError);
}

}  // namespace WEIR_UNIT
