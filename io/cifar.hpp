/// CIFAR-10 binary batches.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/file.hpp>

namespace weir {

/// n images of 32 x 32 x 3 bytes (RGB, [N, H, W, C]) and their labels 0..9.
struct CifarImages {
  Bytes pixels;
  std::vector<int> labels;
};

namespace detail {

inline constexpr std::size_t cifar_plane = 32 * 32;
inline constexpr std::size_t cifar_record = 1 + 3 * cifar_plane;

/// Appends the records of one file: a label, then the red, the green and the blue plane.
inline void append_cifar(std::span<const char> file, CifarImages& out) {
  if (file.empty() || file.size() % cifar_record != 0)
    throw FormatError(std::to_string(file.size()) + " bytes, not a multiple of " + std::to_string(cifar_record) +
                      ": not a CIFAR-10 batch");
  const std::size_t n = file.size() / cifar_record;
  const std::size_t first = out.labels.size();
  out.pixels.resize((first + n) * 3 * cifar_plane);
  for (std::size_t i = 0; i < n; ++i) {
    const char* record = file.data() + i * cifar_record;
    const int label = static_cast<unsigned char>(record[0]);
    if (label > 9)
      throw FormatError("label " + std::to_string(label) + " of record " + std::to_string(i) + " is above 9");
    out.labels.push_back(label);
    char* pixel = out.pixels.data() + (first + i) * 3 * cifar_plane;
    for (std::size_t p = 0; p < cifar_plane; ++p)
      for (std::size_t c = 0; c < 3; ++c) *pixel++ = record[1 + c * cifar_plane + p];
  }
}

}  // namespace detail

/// The images of these batch files, in their order. Throws FormatError naming the file if it is not a whole number of
/// records or a label is above 9; IoError. Source: Krizhevsky, "Learning Multiple Layers of Features", 2009.
inline CifarImages read_cifar(std::span<const std::filesystem::path> files) {
  CifarImages out;
  for (const std::filesystem::path& path : files) {
    const Bytes bytes = read_file(path);
    try {
      detail::append_cifar(bytes, out);
    } catch (const Error& e) {
      throw FormatError(path.string() + ": " + e.what());
    }
  }
  return out;
}

/// The batch files in a folder: data_batch_*.bin sorted by name, or test_batch.bin if there is none.
/// Throws IoError if it holds neither.
inline std::vector<std::filesystem::path> cifar_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("data_batch_") && name.ends_with(".bin")) files.push_back(it->path());
  }
  if (error) throw detail::io_error(folder, "cannot be listed", error.value());
  std::sort(files.begin(), files.end());
  if (const auto test = folder / "test_batch.bin"; files.empty() && std::filesystem::exists(test, error))
    files.push_back(test);
  if (files.empty()) throw IoError(folder.string() + ": neither data_batch_*.bin nor test_batch.bin in it");
  return files;
}

/// One batch file, or a folder of them (see cifar_files).
inline CifarImages read_cifar(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return read_cifar(std::span<const std::filesystem::path>(cifar_files(path)));
  return read_cifar(std::span<const std::filesystem::path>(&path, 1));
}

}  // namespace weir
