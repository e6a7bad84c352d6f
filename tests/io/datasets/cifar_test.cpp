#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/datasets/cifar.hpp>
#include <weir/io/files/file.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;
using weir::FormatError;

namespace {

/// A record whose bytes tell plane and place.
std::string record(int label, unsigned salt) {
  std::string out(1, static_cast<char>(label));
  for (unsigned c = 0; c < 3; ++c)
    for (unsigned p = 0; p < 1024; ++p) out += static_cast<char>((p * 3 + c * 85 + salt) & 0xFFU);
  return out;
}

}  // namespace

TEST_CASE("CIFAR-10: planes become pixels, labels are kept") {
  const io_test::TempFolder folder;
  const auto path = folder.write("b.bin", record(7, 0) + record(0, 11) + record(9, 200));
  const weir::detail::CifarImages got = weir::detail::read_cifar(path);
  CHECK(got.labels == std::vector<int>{7, 0, 9});
  REQUIRE(got.pixels.size() == 3 * 32 * 32 * 3);
  const std::vector<unsigned> salts{0, 11, 200};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t p = 0; p < 1024; ++p)
      for (std::size_t c = 0; c < 3; ++c)
        REQUIRE(static_cast<unsigned char>(got.pixels[(i * 1024 + p) * 3 + c]) ==
                ((p * 3 + c * 85 + salts[i]) & 0xFFU));
}

TEST_CASE("CIFAR-10: a folder's training batches in order, or its test batch") {
  const io_test::TempFolder folder;
  folder.write("test_batch.bin", record(5, 0));
  CHECK(weir::detail::read_cifar(folder.path()).labels == std::vector<int>{5});
  folder.write("data_batch_2.bin", record(2, 0));
  folder.write("data_batch_1.bin", record(1, 0) + record(3, 0));
  folder.write("data_batch_1.txt", "no batch");
  CHECK(weir::detail::read_cifar(folder.path()).labels == std::vector<int>{1, 3, 2});
}

TEST_CASE("CIFAR-10: cut off at every byte, bad labels, empty files and folders") {
  const std::string file = record(3, 0);
  io_test::check_every_prefix_refused(file, [](const weir::detail::Bytes& b) {
    weir::detail::CifarImages out;
    weir::detail::append_cifar(b, out);
  });
  const io_test::TempFolder folder;
  const auto bad = folder.write("bad.bin", record(3, 0) + record(10, 0));
  CHECK(contains(message_of<FormatError>([&] { weir::detail::read_cifar(bad); }), "bad.bin: label 10 of record 1"));
  CHECK_THROWS_AS(weir::detail::read_cifar(folder.write("empty.bin", "")), FormatError);
  CHECK(contains(message_of<FormatError>([&] { weir::detail::read_cifar(folder.write("odd.bin", file + "x")); }),
                 "odd.bin"));
  CHECK_THROWS_AS(weir::detail::read_cifar(folder.path()), weir::IoError);
  CHECK_THROWS_AS(weir::detail::read_cifar(folder / "none.bin"), weir::IoError);
}

}  // namespace WEIR_UNIT
