// What energy_counter.hpp declares.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/files/energy_counter.hpp>
#include <weir/io/files/file.hpp>

namespace weir::detail {

WEIR_INLINE EnergyCounter::EnergyCounter(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> entries;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    entries.push_back(at->path());
  std::sort(entries.begin(), entries.end());
  std::string seen;
  for (const char* kind : {"intel-rapl:", "intel-rapl-mmio:"}) {  // the second counts the same packages again
    for (const auto& entry : entries) {
      if (!entry.filename().string().starts_with(kind)) continue;
      const std::string name = read_text(entry / "name");
      seen += (seen.empty() ? "" : ", ") + entry.filename().string() + " (" + name + ")";
      // A package holds its core and uncore; psys holds the packages.
      if (!name.starts_with("package") && name != "dram") continue;
      const std::uint64_t range = read_number(entry / "max_energy_range_uj");
      zones_.push_back({entry, range, read_number(entry / "energy_uj")});
    }
    if (!zones_.empty()) break;
  }
  if (zones_.empty())
    throw IoError(detail::message(
        {"energy: no counter was found. Looked in ", folder.string(),
         " for intel-rapl:* zones called package-* (Linux powercap, RAPL of Intel and AMD processors); ",
         (error          ? "that folder cannot be opened (" + error.message() + ")"
          : seen.empty() ? "there are none"
                         : "there are only " + seen),
         ". Virtual machines and containers seldom have them."}));
}

WEIR_INLINE double EnergyCounter::joules() {
  for (Zone& z : zones_) {
    const std::uint64_t now = read_number(z.folder / "energy_uj");
    if (now < z.last && z.last > z.range)
      throw FormatError(detail::message(
          {(z.folder / "energy_uj").string(), ": fell from ", z.last, ", above its range of ", z.range}));
    total_uj_ += now >= z.last ? now - z.last : z.range - z.last + now;
    z.last = now;
  }
  return 1e-6 * static_cast<double>(total_uj_);
}

WEIR_INLINE std::vector<std::filesystem::path> EnergyCounter::zones() const {
  std::vector<std::filesystem::path> all;
  for (const Zone& z : zones_) all.push_back(z.folder);
  return all;
}

WEIR_INLINE std::string EnergyCounter::read_text(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::array<char, 256> text{};
  const ssize_t n = file.get() < 0 ? -1 : ::read(file.get(), text.data(), text.size());
  if (n < 0) {
    const int code = errno;
    const std::string why = code == EACCES || code == EPERM
                                ? "only root may read it, since Linux 5.10; run as root, or let others read it "
                                  "(chmod a+r)"
                                : "cannot be read";
    throw io_error(path, "energy counter: " + why, code);
  }
  const std::string_view all(text.data(), static_cast<std::size_t>(n));
  return std::string(all.substr(0, all.find('\n')));
}

WEIR_INLINE std::uint64_t EnergyCounter::read_number(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw FormatError(detail::message({path.string(), ": microjoules are expected, not '", text.substr(0, 40), "'"}));
  return value;
}

}  // namespace weir::detail
