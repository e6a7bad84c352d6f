/// CIFAR-10 binary batches.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/io/files/file.hpp>

namespace weir::detail {

/// n images of 32 x 32 x 3 bytes (RGB, [N, H, W, C]) and their labels 0..9.
struct CifarImages {
  Bytes pixels;
  std::vector<int> labels;
};

/// Appends the records of one file: a label, then the red, the green and the blue plane.
void append_cifar(std::span<const char> file, CifarImages& out);

/// The images of these batch files, in their order. Throws FormatError naming the file if it is not a whole number of
/// records or a label is above 9; IoError. Source: Krizhevsky, "Learning Multiple Layers of Features", 2009.
CifarImages read_cifar(std::span<const std::filesystem::path> files);

/// The batch files in a folder: data_batch_*.bin sorted by name, or test_batch.bin if there is none.
/// Throws IoError if it holds neither.
std::vector<std::filesystem::path> cifar_files(const std::filesystem::path& folder);

/// One batch file, or a folder of them (see cifar_files).
CifarImages read_cifar(const std::filesystem::path& path);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/io/datasets/cifar.ipp>
#endif
