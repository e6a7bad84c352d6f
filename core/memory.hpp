/// Large blocks of memory, for which the system is asked for huge pages: touching memory for the first time costs a
/// fault for every page, and walking over it a look into the table of pages.
#pragma once
#include <cstddef>
#include <limits>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace weir {

inline constexpr std::size_t cache_line_bytes = 64, huge_page_bytes = std::size_t{1} << 21;

namespace detail {

inline std::align_val_t block_alignment(std::size_t bytes) {
  return std::align_val_t{bytes >= 2 * huge_page_bytes ? huge_page_bytes : cache_line_bytes};
}

/// Uninitialised, aligned to a cache line or, if large, to a huge page. Throws std::bad_alloc.
inline void* allocate_block(std::size_t bytes) {
  const std::align_val_t align = block_alignment(bytes);
  void* p = ::operator new(bytes, align);
#if defined(__linux__)
  // A wish; refused, all goes on as before.
  if (align == std::align_val_t{huge_page_bytes}) madvise(p, bytes, MADV_HUGEPAGE);
#endif
  return p;
}

inline void free_block(void* p, std::size_t bytes) { ::operator delete(p, block_alignment(bytes)); }

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

}  // namespace detail
}  // namespace weir
