/// What to say of a name that is not known: the nearest one that is.
#pragma once
#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/message.hpp>

namespace weir::detail {

/// Letters to insert, remove or replace to make b of a (Levenshtein distance); O(|a| |b|).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

/// The known name that was probably meant: the one with the least edit distance, the first of several, among those that
/// are like it. Alike are names that differ in at most half of the letters of the longer one, and names of which one
/// contains the other, of three letters or more ("conv1", "/layer/conv1/Conv_output_0"). "" where none is. Names are
/// compared by their first 100 characters, so that a hostile one costs no time.
inline std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known) {
  name = name.substr(0, 100);
  std::string_view nearest;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const std::string_view whole : known) {
    const std::string_view candidate = whole.substr(0, 100);
    const std::string_view& shorter = name.size() < candidate.size() ? name : candidate;
    const std::string_view& longer = name.size() < candidate.size() ? candidate : name;
    const bool inside = shorter.size() >= 3 && longer.find(shorter) != longer.npos;
    const std::size_t d = edit_distance(name, candidate);
    if (d < least && (inside || 2 * d <= longer.size())) {
      least = d;
      nearest = whole;
    }
  }
  return nearest;
}

/// "; the nearest is 'conv1'", for messages about a name that is unknown; "" where none is like it.
inline std::string nearest_hint(std::string_view name, std::span<const std::string_view> known) {
  const std::string_view nearest = nearest_name(name, known);
  return nearest.empty() ? "" : detail::message({"; the nearest is '", nearest, "'"});
}

/// Throws FormatError for a key of a JSON object that is not known; it names the nearest, and all that are known.
/// Values that are not objects are passed over: reading their fields says what is wrong.
template <typename Json>
void refuse_unknown_keys(const Json& object, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) return;
  for (const auto& item : object.items()) {
    const std::string& key = item.key();
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string all;
    for (const std::string_view name : known) all += (all.empty() ? "" : ", ") + std::string(name);
    throw FormatError(detail::message({"key '", key.substr(0, 100), "' is unknown",
                                       nearest_hint(key, {known.begin(), known.size()}), " (known: ", all, ")"}));
  }
}

}  // namespace weir::detail
