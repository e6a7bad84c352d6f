/// What build_network may be told beside the graph.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weir {

/// input_shapes: dimensions without the batch ("input" -> {3, 224, 224}) for inputs whose file leaves others than the
/// first dimension free.
struct BuildOptions {
  std::map<std::string, std::vector<std::int64_t>> input_shapes = {};
};

}  // namespace weir
