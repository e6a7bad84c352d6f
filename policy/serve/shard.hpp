/// Shard: which part of a list of images one of several processes works on.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <weir/core/error.hpp>

namespace weir::detail {

/// Part `index` of `count` equal parts, in order.
struct Shard {
  std::size_t index = 0, count = 1;

  /// Of n images: [first, end). The parts of all shards follow each other and cover everything.
  std::pair<std::size_t, std::size_t> range(std::size_t n) const {
    const auto cut = [&](std::size_t i) { return n / count * i + std::min(i, n % count); };
    return {cut(index), cut(index + 1)};
  }
  bool operator==(const Shard&) const = default;
};

inline constexpr std::size_t max_shards = 100000;

inline std::optional<std::size_t> parse_count(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "2/8": the third of eight. Throws ArgumentError unless 0 <= index < count <= max_shards.
inline Shard parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos) {
    const auto index = parse_count(std::string_view(text).substr(0, slash)),
               count = parse_count(std::string_view(text).substr(slash + 1));
    if (index && count && *index < *count && *count <= max_shards) return {*index, *count};
  }
  throw ArgumentError(detail::message({"shard '", text.substr(0, 100), "': say index/count, from 0/8 to 7/8"}));
}

/// The shard of a process that was started as one of many, else 0/1. Read in this order, each where its first variable
/// is set:
///   OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE       mpirun of Open MPI
///   PMI_RANK, PMI_SIZE                               mpiexec of MPICH, Intel MPI; srun --mpi=pmi2
///   SLURM_ARRAY_TASK_ID, _COUNT, _MIN (0), _STEP (1) a Slurm array: index is id - min
/// A Slurm array must have at least two tasks, numbered 0, 1, 2, ... or 1, 2, 3, ... Others are refused: where one task
/// of 64 is submitted a second time, the variables do not say that there were 64. get(name) is std::getenv, or stands
/// for it. Throws ArgumentError naming the variables where they make no sense.
template <typename Get>
Shard shard_from_environment(const Get& get) {
  const auto value = [&](const std::string& name) -> std::optional<std::string> {
    const char* text = get(name.c_str());
    return text ? std::optional<std::string>(text) : std::nullopt;
  };
  const std::pair<std::string, std::string> ranks[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                                       {"PMI_RANK", "PMI_SIZE"}};
  for (const auto& [rank, size] : ranks) {
    const auto index = value(rank);
    if (!index) continue;
    try {
      return parse_shard(*index + "/" + value(size).value_or(""));
    } catch (const ArgumentError& e) {
      throw ArgumentError(detail::message({rank, ", ", size, ": ", e.what()}));
    }
  }
  const std::string array = "SLURM_ARRAY_TASK_";
  const auto id = value(array + "ID");
  if (!id) return {};
  const auto number = [&](const char* what, const char* otherwise) {
    const std::string text = value(array + what).value_or(otherwise);
    if (const auto parsed = parse_count(text)) return *parsed;
    throw ArgumentError(detail::message({array, what, ": '", text.substr(0, 100), "' is no count"}));
  };
  const std::size_t at = number("ID", ""), count = number("COUNT", ""), least = number("MIN", "0"),
                    step = number("STEP", "1");
  if (step != 1 || count < 2 || least > 1)
    throw ArgumentError(
        detail::message({array, "ID: which part is task ", at, " of an array of ", count, " from ", least,
                         " on? Submit the whole array again (parts that are finished end at once), or name the part, "
                         "such as --shard 3/64"}));
  if (at < least || at - least >= count || count > max_shards)
    throw ArgumentError(detail::message({array, "ID: ", at, " is not one of ", count, " tasks from ", least, " on"}));
  return {at - least, count};
}

inline Shard shard_from_environment() {
  return shard_from_environment([](const char* name) { return std::getenv(name); });
}

}  // namespace weir::detail
