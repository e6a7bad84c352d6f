#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/files/energy_counter.hpp>
#include <weir/io/files/file.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::TempFolder, weir::detail::EnergyCounter;

namespace {

void put(const std::filesystem::path& file, const std::string& text) { weir::write_file_atomically(file, text); }

/// A zone as Linux has it.
void zone(const std::filesystem::path& folder, const std::string& name, const std::string& uj,
          const std::string& range = "262143328850") {
  std::filesystem::create_directories(folder);
  put(folder / "name", name + "\n");
  put(folder / "energy_uj", uj + "\n");
  put(folder / "max_energy_range_uj", range + "\n");
}

}  // namespace

TEST_CASE("energy counter: packages and their memory, nothing twice") {
  TempFolder folder;
  zone(folder / "intel-rapl:0", "package-0", "1000000");
  zone(folder / "intel-rapl:0:0", "core", "5000000");
  zone(folder / "intel-rapl:0:1", "dram", "3000000");
  zone(folder / "intel-rapl:1", "package-1-die-0", "2000000");
  zone(folder / "intel-rapl:2", "psys", "9000000");
  zone(folder / "intel-rapl-mmio:0", "package-0", "1000000");
  std::filesystem::create_directories(folder / "dtpm");
  EnergyCounter counter(folder.path());
  CHECK(counter.zones().size() == 3);
  CHECK(counter.joules() == 0);
  put(folder / "intel-rapl:0/energy_uj", "1500000");
  CHECK(counter.joules() == doctest::Approx(0.5));
  put(folder / "intel-rapl:0:1/energy_uj", "3250000");
  put(folder / "intel-rapl:1/energy_uj", "2000001");
  for (const char* counted_elsewhere : {"intel-rapl:0:0", "intel-rapl:2", "intel-rapl-mmio:0"})
    put(folder / counted_elsewhere / "energy_uj", "99000000");
  CHECK(counter.joules() == doctest::Approx(0.750001));
  CHECK(counter.joules() == doctest::Approx(0.750001));
}

TEST_CASE("energy counter: goes on where a zone's count begins anew, again and again") {
  TempFolder folder;
  zone(folder / "intel-rapl:0", "package-0", "900", "1000");
  EnergyCounter counter(folder.path());
  double joules = 0;
  for (const int at : {950, 20, 19, 1000, 0, 500}) {
    put(folder / "intel-rapl:0/energy_uj", std::to_string(at));
    const double now = counter.joules();
    CHECK(now >= joules);
    joules = now;
  }
  CHECK(joules == doctest::Approx(1e-6 * (50 + 70 + 999 + 981 + 0 + 500)));
}

TEST_CASE("energy counter: the older interface serves where it is the only one") {
  TempFolder folder;
  zone(folder / "intel-rapl-mmio:0", "package-0", "10");
  CHECK(EnergyCounter(folder.path()).zones().front().filename() == "intel-rapl-mmio:0");
}

TEST_CASE("energy counter: where there is none, the error says what was looked for") {
  TempFolder folder;
  const auto refusal = [&](const std::filesystem::path& at) {
    return message_of<weir::IoError>([&] { static_cast<void>(EnergyCounter(at)); });
  };
  const std::string missing = refusal(folder / "powercap");
  CHECK_MESSAGE(contains(missing, "intel-rapl:* zones called package-*"), missing);
  CHECK_MESSAGE(contains(missing, (folder / "powercap").string()), missing);
  CHECK_MESSAGE(contains(missing, "cannot be opened"), missing);
  CHECK(contains(refusal(folder.path()), "there are none"));
  zone(folder / "intel-rapl:0", "psys", "10");
  const std::string others = refusal(folder.path());
  CHECK_MESSAGE(contains(others, "there are only intel-rapl:0 (psys)"), others);
}

TEST_CASE("energy counter: files that cannot be read, or hold no count, are named") {
  TempFolder folder;
  zone(folder / "intel-rapl:0", "package-0", "10", "1000");
  const auto make = [&] { static_cast<void>(EnergyCounter(folder.path())); };
  for (const char* bad : {"", "x", "-1", "1.5", "99999999999999999999999", "10 uJ"}) {
    put(folder / "intel-rapl:0/energy_uj", bad);
    const std::string what = message_of<weir::FormatError>(make);
    CHECK_MESSAGE(contains(what, "energy_uj: microjoules are expected"), what);
  }
  put(folder / "intel-rapl:0/energy_uj", "2000");
  EnergyCounter counter(folder.path());
  put(folder / "intel-rapl:0/energy_uj", "5");
  CHECK_THROWS_AS(counter.joules(), weir::FormatError);  // fell from above its range
  std::filesystem::remove(folder / "intel-rapl:0/max_energy_range_uj");
  CHECK(contains(message_of<weir::IoError>(make), "max_energy_range_uj"));
  put(folder / "intel-rapl:0/max_energy_range_uj", "1000");
  std::filesystem::remove(folder / "intel-rapl:0/energy_uj");
  std::filesystem::create_directories(folder / "intel-rapl:0/energy_uj");
  CHECK(contains(message_of<weir::IoError>(make), "cannot be read"));
}

TEST_CASE("energy counter: a count that only root may read is explained") {
  TempFolder folder;
  zone(folder / "intel-rapl:0", "package-0", "10");
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  REQUIRE(::chmod((folder / "intel-rapl:0/energy_uj").c_str(), 0400) == 0);
  const bool is_root = ::geteuid() == 0;
  if (is_root)
    REQUIRE(::seteuid(65534) == 0);
  else
    REQUIRE(::chmod((folder / "intel-rapl:0/energy_uj").c_str(), 0) == 0);
  const std::string what = message_of<weir::IoError>([&] { static_cast<void>(EnergyCounter(folder.path())); });
  if (is_root) REQUIRE(::seteuid(0) == 0);
  CHECK_MESSAGE(contains(what, "energy_uj: energy counter: only root may read it, since Linux 5.10"), what);
  CHECK_MESSAGE(contains(what, "chmod a+r"), what);
}

}  // namespace WEIR_UNIT
