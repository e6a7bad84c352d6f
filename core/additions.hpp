/// Additions: what a program adds to one of weir's lists.
#pragma once
#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>

namespace weir::detail {

/// Entries with a `name`, one list of each type for the whole process. All members may be called by any thread.
template <class Entry>
class Additions {
 public:
  static Additions& of_process() {
    static Additions additions;
    return additions;
  }

  /// Throws ArgumentError, which begins with `what`, for a name that is among them already.
  void add(Entry entry, const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (std::ranges::find(entries_, entry.name, &Entry::name) != entries_.end())
      throw ArgumentError(detail::message({what, ": there is a '", entry.name, "' already"}));
    entries_.push_back(std::move(entry));
  }

  /// In the order in which they were added.
  std::vector<Entry> all() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

  std::optional<Entry> find(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(entries_, name, &Entry::name);
    return found == entries_.end() ? std::nullopt : std::optional(*found);
  }

 private:
  Additions() = default;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace weir::detail
