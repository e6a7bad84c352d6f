/// Blocks of memory. For large ones the system is asked for huge pages: touching memory for the first time costs a
/// fault for every page, and walking over it a look into the table of pages.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace weir::detail {

inline constexpr std::size_t cache_line_bytes = 64, huge_page_bytes = std::size_t{1} << 21;

/// From this number of bytes on a block gets huge pages of its own.
inline constexpr std::size_t large_block_bytes = 2 * huge_page_bytes;

/// Blocks begin at different offsets within a page: if all began at the start of a page, they would compete for the
/// same cache sets, which slows large networks.
inline void* allocate_large_block(std::size_t bytes) {
  static std::atomic<std::size_t> count{0};
  const std::size_t begin = cache_line_bytes * 17 * (count.fetch_add(1, std::memory_order_relaxed) % 97);
  if (bytes > std::numeric_limits<std::size_t>::max() - 2 * huge_page_bytes) throw std::bad_alloc();
  const std::size_t whole = (begin + bytes + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
  auto* page = static_cast<char*>(::operator new (whole, std::align_val_t{huge_page_bytes}));
#if defined(__linux__)
  madvise(page, whole, MADV_HUGEPAGE);  // a wish; refused, all goes on as before
#endif
  return page + begin;
}

/// Uninitialised, aligned to a cache line. Throws std::bad_alloc.
inline void* allocate_block(std::size_t bytes) {
  if (bytes >= large_block_bytes) return allocate_large_block(bytes);
  return ::operator new (bytes, std::align_val_t{cache_line_bytes});
}

inline void free_block(void* p, std::size_t bytes) {
  if (bytes < large_block_bytes) return ::operator delete (p, std::align_val_t{cache_line_bytes});
  const std::size_t begin = reinterpret_cast<std::uintptr_t>(p) % huge_page_bytes;  // always less than a page
  ::operator delete (static_cast<char*>(p) - begin, std::align_val_t{huge_page_bytes});
}

/// For vectors whose elements all get written anyway: resize(n) leaves new ones uninitialised.
template <class T>
struct BlockAllocator {
  using value_type = T;
  BlockAllocator() = default;
  template <class U>
  BlockAllocator(const BlockAllocator<U>&) {}

  T* allocate(std::size_t n) {
    if (n > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(allocate_block(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t n) { free_block(p, n * sizeof(T)); }

  template <class U>
  void construct(U* p) {
    ::new (static_cast<void*>(p)) U;
  }
  friend bool operator==(const BlockAllocator&, const BlockAllocator&) { return true; }
};

}  // namespace weir::detail
