/// EnergyCounter: joules that the processor has drawn, as the system counts them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

/// Linux powercap with RAPL (Intel, and AMD since Zen): the sum over all processor packages and, where it is counted
/// apart, their memory. It counts all that the packages draw, whichever program causes it: idle power and other
/// programs included. Steps: about 1 ms and 15 to 61 microjoules (Haehnel et al., SIGMETRICS PER 40(3), 2012).
class EnergyCounter {
 public:
  /// `folder` holds the zones, intel-rapl:0 and so on, each with name, energy_uj and max_energy_range_uj. Throws
  /// IoError that tells what was looked for where there is no counter, or where it may not be read.
  explicit EnergyCounter(const std::filesystem::path& folder = "/sys/class/powercap");

  /// Joules since this was made. Must be called before the counters have wrapped around twice, which takes some minutes
  /// at full load. Throws IoError, FormatError.
  double joules();

  /// The folders that are read.
  std::vector<std::filesystem::path> zones() const;

 private:
  struct Zone {
    std::filesystem::path folder;
    std::uint64_t range = 0, last = 0;  // microjoules
  };

  /// The first line of a file that says 4096 bytes whatever it holds, as those of sysfs do.
  static std::string read_text(const std::filesystem::path& path);

  static std::uint64_t read_number(const std::filesystem::path& path);

  std::vector<Zone> zones_;
  std::uint64_t total_uj_ = 0;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/io/files/energy_counter.ipp>
#endif
