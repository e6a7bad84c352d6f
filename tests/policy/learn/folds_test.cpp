#include <doctest/doctest.h>

#include <cstddef>
#include <vector>
#include <weir/policy/learn/folds.hpp>

namespace WEIR_UNIT {

TEST_CASE("deal_folds: each fold equally often, by the seed alone") {
  const auto fold = weir::detail::deal_folds(23, 4, 7);
  std::vector<int> size(4, 0);
  for (const std::size_t f : fold) ++size.at(f);
  for (const int s : size) CHECK((s == 5 || s == 6));
  CHECK(fold == weir::detail::deal_folds(23, 4, 7));
  CHECK(fold != weir::detail::deal_folds(23, 4, 8));
}

}  // namespace WEIR_UNIT
