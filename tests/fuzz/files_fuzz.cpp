// libFuzzer target: .npy, IDX (gzipped too), CSV and images. The first byte chooses the format, the rest is the file;
// reading it succeeds or throws weir::Error, soon and in bounded memory.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>
#include <weir/io/csv.hpp>
#include <weir/io/idx.hpp>
#include <weir/io/image.hpp>
#include <weir/io/npy.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const weir::Bytes file(data + 1, data + size);
  try {
    switch (data[0] % 4) {
      case 0: {
        const weir::NpyArray array = weir::detail::parse_npy(file);
        if (array.to_tensor().size() != array.size()) std::abort();
        break;
      }
      case 1:
        (void)weir::detail::parse_idx(std::span<const char>(file));
        break;
      case 2: {
        const weir::CsvTable table = weir::parse_csv({file.data(), file.size()}, "fuzz.csv");
        for (const auto& row : table.rows)
          if (row.size() != table.header.size()) std::abort();
        break;
      }
      default: {
        const weir::Image image = weir::decode_image(file, "fuzz");
        if (image.data.size() != image.view().size_bytes()) std::abort();
      }
    }
  } catch (const weir::Error&) {
  }
  return 0;
}
