/// How often a thread of the test program has called operator new: for tests that ask for no allocation.
#pragma once
#include <cstddef>

namespace weir_test {
std::size_t allocations();
}
