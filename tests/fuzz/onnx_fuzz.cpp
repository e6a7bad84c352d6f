// libFuzzer target: whatever the bytes are, reading and building a network succeeds or throws weir::Error, soon and
// in bounded memory. Start it from the small networks of the tests:
//   onnx_fuzz -max_len=20000 CORPUS tests/vectors/onnx
#include <cstddef>
#include <cstdint>
#include <weir/io/onnx.hpp>
#include <weir/layers/build_network.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)weir::build_network(weir::parse_onnx({reinterpret_cast<const char*>(data), size}, "fuzz.onnx"));
  } catch (const weir::Error&) {
  }
  return 0;
}
