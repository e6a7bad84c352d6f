// checksums [--isa NAME] [--threads N] FILE.onnx...: runs networks of 8-bit integers on two images of noise and prints,
// for each, a checksum of every 8-bit tensor in the order of the graph. tests/aarch64/run.sh compares what machines
// print.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <set>
#include <string>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/layers/build_network.hpp>

namespace {

/// Numbers between -2 and 2 that are the same on every machine: 24 bits of a linear congruential generator.
weir::Tensor noise(const weir::Shape& shape) {
  weir::Tensor x(shape);
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    x.data()[i] = static_cast<float>(state >> 40) / static_cast<float>(1 << 22) - 2;
  }
  return x;
}

/// FNV-1a of the values' bits.
void add(std::uint64_t& hash, weir::ConstView x) {
  for (const float v : x.span()) {
    std::uint32_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    for (int k = 0; k < 4; ++k) hash = (hash ^ (bits >> (8 * k) & 255)) * 1099511628211U;
  }
}

void print_checksum(const std::string& file, const weir::ContextOptions& options) {
  const weir::Network net = weir::build_network(weir::read_onnx(file));
  weir::Executor run(net, options);
  std::set<std::string> integers;
  for (const std::string& name : net.tensor_names())
    if (name.ends_with("_quantized")) integers.insert(name);
  for (const std::string& name : integers) run.show(name);
  const weir::Tensor x = noise(net.input_shape().with(0, 2));
  run.begin(x);
  std::uint64_t hash = 14695981039346656037U;
  std::size_t values = 0;
  std::set<float> different;
  for (const std::string& name : net.tensor_names())
    if (integers.contains(name)) {
      const weir::ConstView y = run.advance_to(name);
      add(hash, y);
      values += y.size();
      different.insert(y.data, y.data + y.size());
    }
  (void)run.finish();
  std::printf("%s: %016llx of %zu values in %zu tensors, %zu different\n",
              file.substr(file.find_last_of('/') + 1).c_str(), static_cast<unsigned long long>(hash), values,
              integers.size(), different.size());
}

}  // namespace

int main(int argc, char** argv) {
  weir::ContextOptions options;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--isa" && i + 1 < argc)
      options.isa = argv[++i];
    else if (word == "--threads" && i + 1 < argc)
      options.threads = std::stoi(argv[++i]);
    else
      files.push_back(word);
  }
  try {
    for (const std::string& file : files) print_checksum(file, options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return files.empty() ? 2 : 0;
}
