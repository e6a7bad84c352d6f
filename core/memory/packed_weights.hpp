/// PackedWeights: the weights of one layer, as its kernel reads them.
#pragma once
#include <memory>
#include <mutex>
#include <weir/core/memory/blocks.hpp>

namespace weir::detail {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool address_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool address_sanitizer = __has_feature(address_sanitizer);
#else
inline constexpr bool address_sanitizer = false;
#endif

/// Huge pages that the weights of several layers share, cut from the front; freed with the last of them.
class WeightRegion {
 public:
  static constexpr std::size_t bytes = 16 * huge_page_bytes;
  /// What is larger gets pages of its own. So does all under the address sanitizer, which knows the borders of the
  /// system's blocks only.
  static constexpr std::size_t largest_share = address_sanitizer ? 0 : bytes / 2;

  WeightRegion() : memory_(allocate_block(bytes)) {}
  ~WeightRegion() { free_block(memory_, bytes); }
  WeightRegion(const WeightRegion&) = delete;
  WeightRegion& operator=(const WeightRegion&) = delete;

  /// Aligned to a cache line; nullptr if there is no room left.
  void* take(std::size_t n) {
    n = (n + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
    if (n > bytes - taken_) return nullptr;
    taken_ += n;
    return static_cast<char*>(memory_) + taken_ - n;
  }

  /// Room for this number of bytes, at most largest_share, in the region that others share at the time or in a new one.
  /// Any thread may call. Throws std::bad_alloc.
  static std::shared_ptr<void> share(std::size_t n) {
    static std::mutex mutex;
    static std::weak_ptr<WeightRegion> current;
    const std::lock_guard lock(mutex);
    std::shared_ptr<WeightRegion> region = current.lock();
    void* p = region ? region->take(n) : nullptr;
    if (p == nullptr) {
      region = std::make_shared<WeightRegion>();
      current = region;
      p = region->take(n);
    }
    return {std::move(region), p};
  }

 private:
  void* memory_;
  std::size_t taken_ = 0;
};

/// Floats aligned to a cache line that are written once and read in every pass. Those of a network lie one behind the
/// other in huge pages: in pages of 4 KiB a kernel waits for a look into the table of pages at each of them.
class PackedWeights {
 public:
  /// n floats, uninitialised; what was there before is gone. Throws std::bad_alloc.
  float* reserve(std::size_t n) {
    data_.reset();
    size_ = 0;
    if (n > std::numeric_limits<std::size_t>::max() / (2 * sizeof(float))) throw std::bad_alloc();
    const std::size_t bytes = n * sizeof(float);
    if (bytes <= WeightRegion::largest_share)
      data_ = std::static_pointer_cast<float>(WeightRegion::share(bytes));
    else
      data_ = {static_cast<float*>(allocate_block(bytes)), [bytes](float* p) { free_block(p, bytes); }};
    size_ = n;
    return data_.get();
  }
  float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  std::shared_ptr<float> data_;
  std::size_t size_ = 0;
};

}  // namespace weir::detail
