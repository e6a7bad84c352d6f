// What cifar.hpp declares.
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
#include <weir/io/datasets/cifar.hpp>
#include <weir/io/files/file.hpp>

namespace weir::detail {

inline constexpr std::size_t cifar_plane = 32 * 32;
inline constexpr std::size_t cifar_record = 1 + 3 * cifar_plane;

WEIR_INLINE void append_cifar(std::span<const char> file, CifarImages& out) {
  if (file.empty() || file.size() % cifar_record != 0)
    throw FormatError(
        detail::message({file.size(), " bytes, not a multiple of ", cifar_record, ": not a CIFAR-10 batch"}));
  const std::size_t n = file.size() / cifar_record;
  const std::size_t first = out.labels.size();
  out.pixels.resize((first + n) * 3 * cifar_plane);
  for (std::size_t i = 0; i < n; ++i) {
    const char* record = file.data() + i * cifar_record;
    const int label = static_cast<unsigned char>(record[0]);
    if (label > 9) throw FormatError(detail::message({"label ", label, " of record ", i, " is above 9"}));
    out.labels.push_back(label);
    char* pixel = out.pixels.data() + (first + i) * 3 * cifar_plane;
    for (std::size_t p = 0; p < cifar_plane; ++p)
      for (std::size_t c = 0; c < 3; ++c) *pixel++ = record[1 + c * cifar_plane + p];
  }
}

WEIR_INLINE CifarImages read_cifar(std::span<const std::filesystem::path> files) {
  CifarImages out;
  for (const std::filesystem::path& path : files) {
    const Bytes bytes = read_file(path);
    try {
      append_cifar(bytes, out);
    } catch (const Error& e) {
      throw FormatError(detail::message({path.string(), ": ", e.what()}));
    }
  }
  return out;
}

WEIR_INLINE std::vector<std::filesystem::path> cifar_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("data_batch_") && name.ends_with(".bin")) files.push_back(it->path());
  }
  if (error) throw io_error(folder, "cannot be listed", error.value());
  std::sort(files.begin(), files.end());
  if (const auto test = folder / "test_batch.bin"; files.empty() && std::filesystem::exists(test, error))
    files.push_back(test);
  if (files.empty())
    throw IoError(detail::message({folder.string(), ": neither data_batch_*.bin nor test_batch.bin in it"}));
  return files;
}

WEIR_INLINE CifarImages read_cifar(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return read_cifar(std::span<const std::filesystem::path>(cifar_files(path)));
  return read_cifar(std::span<const std::filesystem::path>(&path, 1));
}

}  // namespace weir::detail
