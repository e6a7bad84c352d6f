/// Memory for blocks of some size, cut from regions of huge pages that they share.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace weir::detail {

inline constexpr std::size_t cache_line_bytes = 64, huge_page_bytes = std::size_t{1} << 21;

/// Uninitialised, in huge pages that it shares with no other, aligned to a cache line: one lies at another place of its
/// page than the next. If all began where a page does, they would meet in the same sets of the caches; ResNet-50 runs
/// 2 % longer by that. Throws std::bad_alloc.
inline void* allocate_huge(std::size_t bytes) {
  static std::atomic<std::size_t> count{0};
  const std::size_t begin = cache_line_bytes * 17 * (count.fetch_add(1, std::memory_order_relaxed) % 97);
  if (bytes > std::numeric_limits<std::size_t>::max() - 2 * huge_page_bytes) throw std::bad_alloc();
  const std::size_t pages = (begin + bytes + huge_page_bytes - 1) / huge_page_bytes;
  auto* p = static_cast<char*>(::operator new (pages* huge_page_bytes, std::align_val_t{huge_page_bytes}));
#if defined(__linux__)
  madvise(p, pages * huge_page_bytes, MADV_HUGEPAGE);  // a wish; refused, all goes on as before
#endif
  return p + begin;
}
inline void free_huge(void* p) {
  const std::size_t begin = reinterpret_cast<std::uintptr_t>(p) % huge_page_bytes;  // less than a page
  ::operator delete (static_cast<char*>(p) - begin, std::align_val_t{huge_page_bytes});
}

/// A network's weights and tensors of up to a few MiB each: in pages of their own of 4 KiB they cost a walk through
/// the table of pages for every page that a layer reads, in a virtual machine two; ResNet-50 runs 2 % longer by that. A
/// block goes to the first gap that is wide enough; gaps that touch become one, and a region that is one gap goes back.
/// Any thread may call.
class BlockHeap {
 public:
  /// With the place where it begins, sixteen pages.
  static constexpr std::size_t region_bytes = 16 * huge_page_bytes - huge_page_bytes / 16;

  /// At most region_bytes, aligned to a cache line. Throws std::bad_alloc.
  void* allocate(std::size_t bytes) {
    bytes = (bytes + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
    const std::lock_guard lock(mutex_);
    auto gap = gaps_.begin();
    while (gap != gaps_.end() && gap->second.bytes < bytes) ++gap;
    if (gap == gaps_.end()) gap = add_region();
    if (gap->second.bytes == bytes) return blocks_.insert(gaps_.extract(gap)).position->first;
    char* const p = gap->first;
    blocks_.emplace(p, Range{bytes, gap->second.region});
    auto rest = gaps_.extract(gap);
    rest.key() += bytes;
    rest.mapped().bytes -= bytes;
    gaps_.insert(std::move(rest));
    return p;
  }

  /// A block that allocate() gave. Allocates nothing.
  void free(void* block) noexcept {
    const std::lock_guard lock(mutex_);
    const auto gap = gaps_.insert(blocks_.extract(static_cast<char*>(block))).position;
    if (const auto next = std::next(gap); next != gaps_.end() && touch(*gap, *next)) join(gap, next);
    const auto before = gap == gaps_.begin() ? gap : std::prev(gap);
    const auto whole = before != gap && touch(*before, *gap) ? join(before, gap) : gap;
    if (whole->second.bytes < region_bytes) return;
    free_huge(whole->first);
    gaps_.erase(whole);
  }

  /// Regions that hold a block.
  std::size_t regions() const {
    const std::lock_guard lock(mutex_);
    std::set<const char*> all;
    for (const auto& [p, block] : blocks_) all.insert(block.region);
    return all.size();
  }

 private:
  struct Range {
    std::size_t bytes;
    char* region;
  };
  using Ranges = std::map<char*, Range>;  // by where they begin

  Ranges::iterator add_region() {
    auto* region = static_cast<char*>(allocate_huge(region_bytes));
    try {
      return gaps_.emplace(region, Range{region_bytes, region}).first;
    } catch (...) {
      free_huge(region);
      throw;
    }
  }

  static bool touch(const Ranges::value_type& a, const Ranges::value_type& b) {
    return a.second.region == b.second.region && a.first + a.second.bytes == b.first;
  }

  Ranges::iterator join(Ranges::iterator a, Ranges::iterator b) {
    a->second.bytes += b->second.bytes;
    gaps_.erase(b);
    return a;
  }

  mutable std::mutex mutex_;
  Ranges gaps_, blocks_;
};

}  // namespace weir::detail
