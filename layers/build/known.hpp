/// Known: what is known of a tensor while a network is built.
#pragma once
#include <algorithm>
#include <array>
#include <optional>
#include <weir/core/network.hpp>
#include <weir/layers/build/element_types.hpp>
#include <weir/layers/build/probes.hpp>

namespace weir::detail {

/// What is known of a tensor: its value for each probe if it is constant, else its shape for each probe.
struct Known {
  std::array<const Constant*, probe_count> constant{};
  std::array<Shape, probe_count> shape{};
  std::optional<ValueId> id = std::nullopt;
  std::optional<ValueId> integer_id = std::nullopt;  ///< of a constant, for layers that read its integers
  ElementType type = ElementType::real;              ///< of a computed tensor, or a constant that was computed
};

inline ElementType type_of(const Known& k) {
  const bool integers = k.constant[0] != nullptr && k.constant[0]->is_int && k.type == ElementType::real;
  return integers ? ElementType::integer : k.type;
}

inline bool depends_on_batch(const Known& k) {
  return std::any_of(k.constant.begin(), k.constant.end(), [&](const Constant* c) { return c != k.constant[0]; });
}

}  // namespace weir::detail
