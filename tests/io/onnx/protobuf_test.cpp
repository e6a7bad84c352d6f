#include <weir/core/known_names.hpp>
#include <weir/io/onnx/protobuf.hpp>

#include "../io_test.hpp"
#include "../proto_writer.hpp"

namespace WEIR_UNIT {

using io_test::Proto, weir::FormatError, weir::detail::ProtoMessage;

namespace {

/// Reads field 1 by `read`, in whatever wire type it lies.
template <class F>
void check_wrong_types_refused(const std::vector<Proto>& messages, F read) {
  for (const Proto& p : messages) {
    ProtoMessage m(p.bytes);
    REQUIRE(m.next());
    CHECK_THROWS_AS(read(m), FormatError);
  }
}

}  // namespace

TEST_CASE("ProtoMessage: fields of the right type") {
  const Proto p = Proto().number(1, 300).text(2, "ab").real(3, 1.5F).number(4, ~std::uint64_t{0});
  ProtoMessage m(p.bytes);
  REQUIRE(m.next());
  CHECK(m.tag() == 1);
  CHECK(m.int64() == 300);
  REQUIRE(m.next());
  CHECK(m.string() == "ab");
  REQUIRE(m.next());
  CHECK(m.float32() == 1.5F);
  REQUIRE(m.next());
  CHECK(m.int64() == -1);
  CHECK_FALSE(m.next());
}

TEST_CASE("ProtoMessage: a field of another type than expected is FormatError, never an assertion") {
  const Proto number = Proto().number(1, 7), text = Proto().text(1, "abc"), real = Proto().real(1, 1);
  check_wrong_types_refused({number, real}, [](ProtoMessage& m) { m.bytes(); });
  check_wrong_types_refused({text, real}, [](ProtoMessage& m) { m.int64(); });
  check_wrong_types_refused({text, number}, [](ProtoMessage& m) { m.float32(); });
  check_wrong_types_refused({number, real}, [](ProtoMessage& m) {
    std::vector<float> out;
    m.append_float64(out);
  });
  check_wrong_types_refused({number}, [](ProtoMessage& m) {
    std::vector<float> out;
    m.append_float32(out);
  });
}

TEST_CASE("ProtoMessage: repeated numbers, packed or not") {
  std::vector<std::int64_t> ints;
  std::vector<float> floats;
  const Proto p = Proto()
                      .number(1, 1)
                      .text(1, io_test::varint(2) + io_test::varint(300))
                      .real(2, 1.5F)
                      .text(2, std::string(8, '\0'));
  for (ProtoMessage m(p.bytes); m.next();)
    if (m.tag() == 1)
      m.append_int64(ints);
    else
      m.append_float32(floats);
  CHECK(ints == std::vector<std::int64_t>{1, 2, 300});
  CHECK(floats == std::vector<float>{1.5F, 0, 0});
  const Proto uneven = Proto().text(1, std::string(7, '\0'));
  ProtoMessage m(uneven.bytes);
  REQUIRE(m.next());
  CHECK_THROWS_AS(m.append_float32(floats), protozero::exception);
}

}  // namespace WEIR_UNIT
