/// What one input of a fuzz target may take: time of the processor and memory, measured by the target itself.
#pragma once
#include <sanitizer/allocator_interface.h>
#include <time.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace fuzz {

/// Seconds that this process has computed: what other processes do meanwhile does not count.
inline double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// The most bytes that were allocated at once since reset(). Looked at after each allocation of 64 KiB or more and
/// after every 256th of the others, because adding up what the sanitizer knows takes a microsecond.
class PeakMemory {
 public:
  static void reset() { peak() = __sanitizer_get_current_allocated_bytes(); }
  static std::size_t bytes() { return peak(); }

  /// Called once; the sanitizer then calls after_malloc.
  static void install() {
    if (__sanitizer_install_malloc_and_free_hooks(after_malloc, after_free) == 0) std::abort();
  }

 private:
  static std::size_t& peak() {
    static std::size_t bytes = 0;
    return bytes;
  }
  static void after_malloc(const volatile void*, std::size_t size) {
    static unsigned count = 0;
    if (size < 65536 && ++count % 256 != 0) return;
    const std::size_t now = __sanitizer_get_current_allocated_bytes();
    if (now > peak()) peak() = now;
  }
  static void after_free(const volatile void*) {}
};

/// Begins with an input; check() aborts where the input has taken too much. Sanitizers make everything several times
/// slower, so that what is slow only with them is seen too; it is then seldom fast enough without.
class Bounds {
 public:
  static constexpr double max_seconds = 1;
  static constexpr double max_bytes = 256.0 * (1 << 20);

  Bounds() : start_(cpu_seconds()) {
    static const bool installed = (PeakMemory::install(), true);
    (void)installed;
    PeakMemory::reset();
    before_ = static_cast<double>(PeakMemory::bytes());
  }

  /// tensor_bytes: what the tensors of the input need beside the fixed allowance.
  void check(const char* what, double tensor_bytes = 0) const {
    const double seconds = cpu_seconds() - start_, bytes = static_cast<double>(PeakMemory::bytes()) - before_;
    if (seconds <= max_seconds && bytes <= max_bytes + tensor_bytes) return;
    std::fprintf(stderr, "%s: %.2f s, %.1f MiB, of which tensors %.1f MiB\n", what, seconds, bytes / (1 << 20),
                 tensor_bytes / (1 << 20));
    std::abort();
  }

 private:
  double start_, before_ = 0;
};

/// A cheap source of numbers that an input decides: the same input does the same.
class Numbers {
 public:
  explicit Numbers(std::size_t seed) : state_(seed * 2 + 1) {}
  std::size_t below(std::size_t n) {
    std::size_t next = 0;
    (void)__builtin_mul_overflow(state_, std::size_t{6364136223846793005}, &next);
    (void)__builtin_add_overflow(next, std::size_t{1442695040888963407}, &state_);
    return n == 0 ? 0 : (state_ >> 33) % n;
  }

 private:
  std::size_t state_;
};

}  // namespace fuzz
