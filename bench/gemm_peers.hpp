/// Matrix products of libraries that are loaded where they are installed: nothing is linked to them.
#pragma once
#include <dlfcn.h>

#include <cstdint>
#include <functional>
#include <string>
#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>

namespace program {

/// C[M, N] = A[M, K] B[K, N], row-major, dense.
using Product =
    std::function<void(std::int64_t M, std::int64_t N, std::int64_t K, const float* A, const float* B, float* C)>;

/// A function of a shared library that stays loaded. nullptr where there is no such library or function.
template <typename Function>
Function* find_function(const char* library, const char* name) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  return handle == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(handle, name));
}

/// BLIS through its own interface: its CBLAS goes through sgemm_, which a program that links another BLAS already has.
/// Empty where it is not installed (Debian: libblis4-openmp).
inline Product blis(int threads) {
  constexpr const char* library = "libblis.so.4";
  const auto sgemm = find_function<void(int, int, std::int64_t, std::int64_t, std::int64_t, const float*, const float*,
                                        std::int64_t, std::int64_t, const float*, std::int64_t, std::int64_t,
                                        const float*, float*, std::int64_t, std::int64_t)>(library, "bli_sgemm");
  const auto set_threads = find_function<void(std::int64_t)>(library, "bli_thread_set_num_threads");
  if (sgemm == nullptr || set_threads == nullptr) return {};
  return [=](std::int64_t M, std::int64_t N, std::int64_t K, const float* A, const float* B, float* C) {
    constexpr int as_it_is = 0;
    const float one = 1, zero = 0;
    set_threads(threads);
    sgemm(as_it_is, as_it_is, M, N, K, &one, A, K, 1, B, N, 1, &zero, C, N, 1);
  };
}

/// oneDNN, whose threads are OpenMP's. Empty where it is not installed (Debian: libdnnl2).
inline Product onednn(int threads) {
  const auto sgemm =
      find_function<int(char, char, std::int64_t, std::int64_t, std::int64_t, float, const float*, std::int64_t,
                        const float*, std::int64_t, float, float*, std::int64_t)>("libdnnl.so.2", "dnnl_sgemm");
  const auto set_threads = find_function<void(int)>("libgomp.so.1", "omp_set_num_threads");
  if (sgemm == nullptr || set_threads == nullptr) return {};
  return [=](std::int64_t M, std::int64_t N, std::int64_t K, const float* A, const float* B, float* C) {
    set_threads(threads);
    sgemm('N', 'N', M, N, K, 1.0F, A, K, B, N, 0.0F, C, N);
  };
}

/// Throws weir::ArgumentError where the library is missing.
inline Product peer(const std::string& name, int threads) {
  Product product = name == "blis" ? blis(threads) : onednn(threads);
  if (product) return product;
  throw weir::ArgumentError("--backend " + name + ": the library was not found; Debian's package is " +
                            (name == "blis" ? "libblis4-openmp" : "libdnnl2"));
}

}  // namespace program
