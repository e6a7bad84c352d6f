#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <weir/core/known_names.hpp>

namespace WEIR_UNIT {

TEST_CASE("edit_distance and nearest_name: by hand") {
  CHECK(weir::detail::edit_distance("", "") == 0);
  CHECK(weir::detail::edit_distance("abc", "") == 3);
  CHECK(weir::detail::edit_distance("scal", "scale") == 1);
  CHECK(weir::detail::edit_distance("kitten", "sitting") == 3);
  const std::vector<std::string_view> known{"mean", "std", "scale", "crop"};
  CHECK(weir::detail::nearest_name("scal", known) == "scale");
  CHECK(weir::detail::nearest_name("Std", known) == "std");
  CHECK(weir::detail::nearest_name("x", std::vector<std::string_view>{}).empty());
}

TEST_CASE("nearest_name: none where none is like it, and names of which one contains the other") {
  const std::vector<std::string_view> known{"/features/conv1/Conv_output_0", "/features/conv2/Conv_output_0", "logits"};
  CHECK(weir::detail::nearest_name("conv2", known) == known[1]);
  CHECK(weir::detail::nearest_name("the_logits_of_it", known) == "logits");
  CHECK(weir::detail::nearest_name("embedding", known).empty());
  CHECK(weir::detail::nearest_name("", known).empty());
  CHECK(weir::detail::nearest_name("on", known).empty());  // inside of all, and says nothing
  CHECK(weir::detail::nearest_name("ab", std::vector<std::string_view>{"ad", "xy"}) == "ad");
  CHECK(weir::detail::nearest_name("ab", std::vector<std::string_view>{"xy"}).empty());
  CHECK(weir::detail::nearest_hint("logit", known) == "; the nearest is 'logits'");
  CHECK(weir::detail::nearest_hint("embedding", known).empty());
}

TEST_CASE("refuse_unknown_keys: names the key, the nearest and all that are known") {
  CHECK_NOTHROW(weir::detail::refuse_unknown_keys(nlohmann::json{{"a", 1}}, {"a", "b"}));
  CHECK_NOTHROW(weir::detail::refuse_unknown_keys(nlohmann::json(3), {"a"}));
  CHECK_THROWS_WITH_AS(weir::detail::refuse_unknown_keys(nlohmann::json{{"men", 1}}, {"scale", "mean"}),
                       "key 'men' is unknown; the nearest is 'mean' (known: scale, mean)", weir::FormatError);
}

}  // namespace WEIR_UNIT
