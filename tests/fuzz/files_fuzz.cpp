// libFuzzer target: every file that weir reads beside networks. The first byte chooses the kind, the rest is the file;
// reading it succeeds or throws weir::Error, soon and in memory in proportion to its bytes or pixels (bounds.hpp). What
// was read is used: policies decide, images are preprocessed, what can be written is read back and is the same.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/io/datasets/cifar.hpp>
#include <weir/io/datasets/idx.hpp>
#include <weir/io/datasets/labels.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/files/npy.hpp>
#include <weir/io/images/image.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/run/shift_reference.hpp>
#include <weir/policy/serve/stored_cascade.hpp>
#include <weir/policy/trace/cost_table.hpp>
#include <weir/policy/trace/trace.hpp>
#include <weir/policy/trace/trace_file.hpp>

#include "bounds.hpp"

namespace {

std::string_view text_of(const weir::detail::Bytes& file) { return {file.data(), file.size()}; }

void must(bool holds) {
  if (!holds) std::abort();
}

/// A file in memory, for what reads files by their path.
class MemoryFile {
 public:
  explicit MemoryFile(const weir::detail::Bytes& bytes) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    must(fd_ >= 0 && ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(fd_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

double try_npy(const weir::detail::Bytes& file) {
  const weir::NpyArray array = weir::detail::parse_npy(file);
  must(array.to_tensor().size() == array.size());
  return 8.0 * static_cast<double>(array.size());
}

double try_idx(const weir::detail::Bytes& file) {
  // Deflate makes a thousand bytes of one: what it holds is what it may take, and once more while it is read.
  return 2.0 * static_cast<double>(weir::detail::parse_idx(std::span<const char>(file)).bytes.size());
}

double try_csv(const weir::detail::Bytes& file) {
  const weir::detail::CsvTable table = weir::detail::parse_csv(text_of(file), "fuzz.csv");
  std::string again = weir::detail::csv_line(table.header);
  for (const auto& row : table.rows) {
    must(row.size() == table.header.size());
    again += weir::detail::csv_line(row);
  }
  if (table.header.size() == 1) return 0;  // a line of one empty cell is an empty line
  const weir::detail::CsvTable same = weir::detail::parse_csv(again, "fuzz.csv");
  must(same.header == table.header && same.rows == table.rows);
  return 0;
}

double try_image(const weir::detail::Bytes& file) {
  const weir::Image image = weir::decode_image(file, "fuzz");
  must(image.data.size() == image.view().size_bytes());
  return 8.0 * static_cast<double>(image.data.size());
}

double try_policy(const weir::detail::Bytes& file) {
  const weir::PolicyFile policy = weir::policy_from_text(text_of(file), "fuzz.json");
  must(weir::policy_from_text(weir::to_text(policy)) == policy);
  const weir::detail::GateInputs layout = policy.inputs();
  for (std::size_t k = 0; k < policy.stages.size(); ++k) {
    const std::size_t size = layout.size(k);
    if (size > 10000) continue;
    std::vector<double> x(size);
    for (std::size_t i = 0; i < size; ++i) x[i] = static_cast<double>(i % 5) / 4;
    const std::size_t action = policy.policy.pick(7).action(k, x);
    must(action <= policy.policy.a.topology.stages[k].next.size());
  }
  if (!policy.watch.is_null()) {
    const nlohmann::json watch = policy.watch.get<weir::ShiftReference>();
    must(nlohmann::json(watch.get<weir::ShiftReference>()) == watch);
  }
  (void)weir::detail::read_cascade(policy, "/nowhere/policy.json");
  return 0;
}

double try_trace(const weir::detail::Bytes& file) {
  const weir::detail::CsvTable csv = weir::detail::parse_csv(text_of(file), "fuzz.csv");
  const weir::Trace trace = weir::detail::trace_from_table(csv.header, csv.rows, {}, "fuzz.csv");
  const weir::detail::TraceTable again = weir::detail::trace_to_table(trace);
  must(weir::detail::trace_from_table(again.header, again.rows).size() == trace.size());
  return 0;
}

double try_models(const weir::detail::Bytes& file) {
  const MemoryFile in_memory(file);
  const std::vector<std::uint8_t> pixels(3 * 40000, 7);
  for (const auto& [name, preprocess] : weir::load_preprocess(in_memory.path())) {
    const weir::PreprocessOptions& o = preprocess.options();
    if (o.height > 300 || o.width > 300 || o.resize > 300 || o.crop > 300) continue;  // as much as was asked for
    weir::Preprocess::Scratch scratch;
    std::vector<float> out(static_cast<std::size_t>(preprocess.shape().numel()));
    for (const auto& [height, width, channels] : {std::array{5, 7, 3}, {9, 2, 1}, {1, 40000, 3}, {300, 1, 1}}) {
      if (height * width > 1000 && o.resize > 8) continue;
      weir::ImageView image;
      image.data = pixels.data();
      image.height = height;
      image.width = width;
      image.channels = channels;
      try {
        preprocess.apply(image, out.data(), scratch);
      } catch (const weir::ArgumentError&) {  // too long for its height
      }
    }
  }
  return 0;
}

double try_labels(const weir::detail::Bytes& file) {
  (void)weir::detail::labels_of_csv(weir::detail::parse_csv(text_of(file), "fuzz.csv"));
  return 0;
}

double try_labels_npy(const weir::detail::Bytes& file) {
  (void)weir::detail::labels_of_npy(weir::detail::parse_npy(file), "fuzz.npy");
  return 0;
}

double try_cifar(const weir::detail::Bytes& file) {
  weir::detail::CifarImages images;
  weir::detail::append_cifar(file, images);
  must(images.pixels.size() == images.labels.size() * 3 * 32 * 32);
  return 0;
}

double try_costs(const weir::detail::Bytes& file) {
  const weir::detail::CsvTable csv = weir::detail::parse_csv(text_of(file), "fuzz.csv");
  (void)weir::detail::CostTable(csv.header, csv.rows, "fuzz.csv");
  return 0;
}

/// Each reads a file and returns the bytes that it needs beside the fixed allowance. make_seeds.py has their order.
constexpr double (*kinds[])(const weir::detail::Bytes&) = {try_npy,        try_idx,   try_csv,    try_image,
                                                           try_policy,     try_trace, try_models, try_labels,
                                                           try_labels_npy, try_cifar, try_costs};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const weir::detail::Bytes file(data + 1, data + size);
  const fuzz::Bounds bounds;
  double needed = 0;
  try {
    needed = kinds[data[0] % std::size(kinds)](file);
  } catch (const weir::Error& e) {
    must(std::strlen(e.what()) > 8);
  }
  bounds.check("a file", needed);
  return 0;
}
