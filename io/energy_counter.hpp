/// EnergyCounter: joules that the processor has drawn, as the system counts them.
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
#include <weir/io/file.hpp>

namespace weir {

/// Linux powercap with RAPL (Intel, and AMD since Zen): the sum over all processor packages and, where it is counted
/// apart, their memory. It counts all that the packages draw, whoever makes them: idle power and other programs
/// included. Steps: about 1 ms and 15 to 61 microjoules (Haehnel et al., SIGMETRICS PER 40(3), 2012).
class EnergyCounter {
 public:
  /// `folder` holds the zones, intel-rapl:0 and so on, each with name, energy_uj and max_energy_range_uj. Throws
  /// IoError that tells what was looked for where there is no counter, or where it may not be read.
  explicit EnergyCounter(const std::filesystem::path& folder = "/sys/class/powercap") {
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
      throw IoError("energy: no counter was found. Looked in " + folder.string() +
                    " for intel-rapl:* zones called package-* (Linux powercap, RAPL of Intel and AMD processors); " +
                    (error          ? "that folder cannot be opened (" + error.message() + ")"
                     : seen.empty() ? "there are none"
                                    : "there are only " + seen) +
                    ". Virtual machines and containers seldom have them.");
  }

  /// Joules since this was made. Must be called before the counters have wrapped around twice, which takes some minutes
  /// at full load. Throws IoError, FormatError.
  double joules() {
    for (Zone& z : zones_) {
      const std::uint64_t now = read_number(z.folder / "energy_uj");
      if (now < z.last && z.last > z.range)
        throw FormatError((z.folder / "energy_uj").string() + ": fell from " + std::to_string(z.last) +
                          ", above its range of " + std::to_string(z.range));
      total_uj_ += now >= z.last ? now - z.last : z.range - z.last + now;
      z.last = now;
    }
    return 1e-6 * static_cast<double>(total_uj_);
  }

  /// The folders that are read.
  std::vector<std::filesystem::path> zones() const {
    std::vector<std::filesystem::path> all;
    for (const Zone& z : zones_) all.push_back(z.folder);
    return all;
  }

 private:
  struct Zone {
    std::filesystem::path folder;
    std::uint64_t range = 0, last = 0;  // microjoules
  };

  /// The first line of a file that says 4096 bytes whatever it holds, as those of sysfs do.
  static std::string read_text(const std::filesystem::path& path) {
    const detail::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, 256> text{};
    const ssize_t n = file.get() < 0 ? -1 : ::read(file.get(), text.data(), text.size());
    if (n < 0) {
      const int code = errno;
      const std::string why = code == EACCES || code == EPERM
                                  ? "only root may read it, since Linux 5.10; run as root, or let others read it "
                                    "(chmod a+r)"
                                  : "cannot be read";
      throw detail::io_error(path, "energy counter: " + why, code);
    }
    const std::string_view all(text.data(), static_cast<std::size_t>(n));
    return std::string(all.substr(0, all.find('\n')));
  }

  static std::uint64_t read_number(const std::filesystem::path& path) {
    const std::string text = read_text(path);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
      throw FormatError(path.string() + ": microjoules are expected, not '" + text.substr(0, 40) + "'");
    return value;
  }

  std::vector<Zone> zones_;
  std::uint64_t total_uj_ = 0;
};

}  // namespace weir
