/// Blocks of memory. For large ones the system is asked for huge pages: touching memory for the first time costs a
/// fault for every page, and walking over it a look into the table of pages.
#pragma once
#include <cstddef>
#include <limits>
#include <new>
#include <weir/core/block_heap.hpp>

namespace weir::detail {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool address_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool address_sanitizer = __has_feature(address_sanitizer);
#else
inline constexpr bool address_sanitizer = false;
#endif

/// From so many bytes on a block shares huge pages with others, up to so many that it has some for itself.
inline constexpr std::size_t smallest_shared_block = std::size_t{1} << 16, largest_shared_block = 4 * huge_page_bytes;

/// Never under the address sanitizer, which sees the borders of the system's own blocks only.
inline bool shares_pages(std::size_t bytes) {
  return !address_sanitizer && bytes >= smallest_shared_block && bytes < largest_shared_block;
}

/// Of all blocks that share pages. Never destroyed, as objects of static lifetime may hold some.
inline BlockHeap& shared_blocks() {
  static auto* const heap = new BlockHeap;
  return *heap;
}

/// Uninitialised, aligned to a cache line. Throws std::bad_alloc.
inline void* allocate_block(std::size_t bytes) {
  if (shares_pages(bytes)) return shared_blocks().allocate(bytes);
  return bytes < largest_shared_block ? ::operator new (bytes, std::align_val_t{cache_line_bytes})
                                      : allocate_huge(bytes);
}

inline void free_block(void* p, std::size_t bytes) {
  if (shares_pages(bytes)) return shared_blocks().free(p);
  if (bytes < largest_shared_block) return ::operator delete (p, std::align_val_t{cache_line_bytes});
  free_huge(p);
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
