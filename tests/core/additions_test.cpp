#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>
#include <weir/core/additions.hpp>
#include <weir/core/error.hpp>

namespace WEIR_UNIT {

namespace {

struct Entry {
  std::string name;
  int value;
};

}  // namespace

TEST_CASE("Additions: kept in their order, found by name, refused twice, from many threads") {
  auto& all = weir::detail::Additions<Entry>::of_process();
  all.add({"b", 1}, "test");
  all.add({"a", 2}, "test");
  CHECK(all.all().at(0).name == "b");
  CHECK(all.find("a")->value == 2);
  CHECK_FALSE(all.find("c"));
  CHECK_THROWS_WITH_AS(all.add({"a", 3}, "test"), "test: there is a 'a' already", weir::ArgumentError);
  CHECK(all.find("a")->value == 2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) all.add({std::to_string(t) + "." + std::to_string(i), i}, "test");
    });
  for (std::thread& t : threads) t.join();
  CHECK(all.all().size() == 202);
}

}  // namespace WEIR_UNIT
