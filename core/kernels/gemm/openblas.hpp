/// OpenBLAS as a second backend of matrix products. Nothing is linked to it: it is loaded when a Context first asks.
#pragma once
#include <dlfcn.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <weir/core/error.hpp>

namespace weir::kernels {

/// The three functions that are used, of OpenBLAS with 32-bit integers; nullptr where it is not installed.
struct OpenBlas {
  int (*get_num_threads)() = nullptr;
  void (*set_num_threads)(int) = nullptr;
  void (*sgemm)(int order, int transpose_a, int transpose_b, int M, int N, int K, float alpha, const float* A, int lda,
                const float* B, int ldb, float beta, float* C, int ldc) = nullptr;
  std::string why_not;  ///< what the system said where it could not be loaded

  explicit operator bool() const { return sgemm != nullptr; }
};

/// OpenBLAS as the system's loader finds it (LD_LIBRARY_PATH counts). It stays loaded: its threads do not end while
/// the process runs.
inline OpenBlas load_openblas() {
  OpenBlas found;
  for (const char* name : {"libopenblas.so.0", "libopenblas.so"}) {
    void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      const char* why = ::dlerror();
      found.why_not += (found.why_not.empty() ? "" : "; ") + std::string(why == nullptr ? name : why);
      continue;
    }
    const auto find = [&](auto& function, const char* symbol) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, symbol));
      return function != nullptr;
    };
    if (find(found.get_num_threads, "openblas_get_num_threads") &&
        find(found.set_num_threads, "openblas_set_num_threads") && find(found.sgemm, "cblas_sgemm"))
      return found;
    found = {.why_not = std::string(name) + " lacks cblas_sgemm or openblas_set_num_threads"};
    ::dlclose(library);
  }
  return found;
}

/// The same for the whole process, loaded by the first call.
inline const OpenBlas& openblas() {
  static const OpenBlas library = load_openblas();
  return library;
}

/// Throws ArgumentError where OpenBLAS cannot be loaded.
inline void require_openblas() {
  if (!openblas())
    throw ArgumentError(detail::message(
        {"gemm backend 'openblas': OpenBLAS was not found (", openblas().why_not,
         "); install it (Debian: libopenblas0), or name its folder in LD_LIBRARY_PATH, or use 'weir'"}));
}

/// C[M, N] = A[M, K] B[K, N], or A B^T with B [N, K], row-major. Sets OpenBLAS's number of threads, which is global to
/// the process: contexts with different numbers must not run at once. OpenBLAS promises nothing about bits, so callers
/// give it one image at a time; with several threads even that is only what it happens to do. Only for contexts that
/// chose it: their constructor has seen that it is there.
inline void openblas_gemm(int threads, bool transpose_b, std::int64_t M, std::int64_t N, std::int64_t K, const float* A,
                          std::int64_t lda, const float* B, std::int64_t ldb, float* C, std::int64_t ldc) {
  constexpr int row_major = 101, as_it_is = 111, transposed = 112;  // as the CBLAS interface numbers them
  const OpenBlas& library = openblas();
  if (library.get_num_threads() != threads) library.set_num_threads(threads);
  const auto size = [](std::int64_t v) { return static_cast<int>(v); };
  library.sgemm(row_major, as_it_is, transpose_b ? transposed : as_it_is, size(M), size(N), size(K), 1.0F, A, size(lda),
                B, size(ldb), 0.0F, C, size(ldc));
}

}  // namespace weir::kernels
