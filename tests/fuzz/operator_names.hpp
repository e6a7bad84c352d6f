#pragma once
#include <string>
#include <vector>

namespace fuzz {

/// Names of the operators of layers/registry.hpp.
const std::vector<std::string>& operator_names();

}  // namespace fuzz
