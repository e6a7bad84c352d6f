/// ClassNames: what the classes are called, so that labels may be words.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

/// Names of the classes 0, 1, ..., in the order of a network's answers; empty: classes have no names.
class ClassNames {
 public:
  ClassNames() = default;
  /// source: the file they are from, for messages. Throws FormatError naming it for an empty name and for one that is
  /// there twice.
  ClassNames(std::vector<std::string> names, std::string source);

  bool empty() const { return names_.empty(); }
  std::size_t size() const { return names_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  const std::string& source() const { return source_; }

  std::optional<int> find(const std::string& name) const;

  /// "; the nearest is 'dog'", for messages about a name that is unknown; "" where none is like it.
  std::string nearest_hint(std::string_view name) const;

 private:
  std::vector<std::string> names_;
  std::string source_;
  std::map<std::string, int> class_of_;
};

/// One name a line, class 0 first; a byte order mark, CRLF and empty lines at the end are passed over. At most 16 MiB.
/// Throws FormatError naming the file, IoError.
ClassNames read_class_names(const std::filesystem::path& path);

/// The list "classes" of a models.json: beside "models" for all networks, or in entries, which then must agree (a
/// number there only says how many classes there are). Empty where there is none. Throws FormatError naming the file,
/// IoError.
ClassNames class_names_of_models(const std::filesystem::path& path);

/// Of a models.json, if the name ends so, which then must list them; else one name a line. Throws as those do.
ClassNames class_names_of(const std::filesystem::path& path);

/// Beside a policy: the names of the classes that it answers, one a line.
inline constexpr const char* class_names_file = "classes.txt";

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/io/datasets/class_names.ipp>
#endif
