/// Vectors of L floats in the compiler's own extension: the same source for every instruction set.
#pragma once
#include <cstdint>

namespace weir::kernels {

/// Vec<L>::type is a register's worth of floats; Vec<L>::loose the same in memory, at any address.
template <int L>
struct Vec {
  typedef float type __attribute__((vector_size(L * sizeof(float))));
  typedef float loose __attribute__((vector_size(L * sizeof(float)), aligned(4), may_alias));
};

}  // namespace weir::kernels
