#include <doctest/doctest.h>

#include <map>
#include <string>
#include <weir/core/isa.hpp>
#include <weir/policy/serve/shard.hpp>

namespace WEIR_UNIT {

using weir::ArgumentError, weir::detail::parse_shard, weir::detail::Shard, weir::detail::shard_from_environment;

TEST_CASE("Shard: the parts follow each other, cover everything and differ by one at most") {
  for (const std::size_t n : {0U, 1U, 7U, 100U})
    for (const std::size_t count : {1U, 2U, 7U, 30U}) {
      std::size_t at = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const auto [first, end] = Shard{i, count}.range(n);
        CHECK(first == at);
        CHECK((end - first == n / count || end - first == n / count + 1));
        at = end;
      }
      CHECK(at == n);
    }
}

TEST_CASE("Shard: index/count, and nothing else") {
  CHECK(parse_shard("2/8") == Shard{2, 8});
  CHECK(parse_shard("0/1") == Shard{0, 1});
  for (const char* text : {"", "/", "1", "8/8", "0/0", "-1/8", "1/8x", " 1/8", "1/", "/8", "1.0/8", "1/8/9",
                           "1/99999999999999999999", "0/100001"})
    CHECK_THROWS_AS(parse_shard(text), ArgumentError);
}

TEST_CASE("Shard: the rank of a process among many") {
  using Variables = std::map<std::string, std::string>;
  const auto shard = [](const Variables& variables) {
    return shard_from_environment([&](const char* name) -> const char* {
      const auto it = variables.find(name);
      return it == variables.end() ? nullptr : it->second.c_str();
    });
  };
  const std::string slurm = "SLURM_ARRAY_TASK_";
  CHECK(shard({}) == Shard{0, 1});
  CHECK(shard({{"OMPI_COMM_WORLD_RANK", "3"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"PMI_RANK", "0"}}) == Shard{3, 4});
  CHECK(shard({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}) == Shard{1, 2});
  CHECK(shard({{slurm + "ID", "2"}, {slurm + "COUNT", "3"}}) == Shard{2, 3});
  CHECK(shard({{slurm + "ID", "3"}, {slurm + "COUNT", "3"}, {slurm + "MIN", "1"}}) == Shard{2, 3});
  for (const Variables& bad :
       {Variables{{"OMPI_COMM_WORLD_RANK", "3"}},
        {{"PMI_RANK", "2"}, {"PMI_SIZE", "2"}},
        {{"PMI_RANK", ""}, {"PMI_SIZE", "2"}},
        {{slurm + "ID", "2"}},
        {{slurm + "ID", "3"}, {slurm + "COUNT", "3"}},
        {{slurm + "ID", "1"}, {slurm + "COUNT", "3"}, {slurm + "MIN", "2"}},
        {{slurm + "ID", "1"}, {slurm + "COUNT", "3"}, {slurm + "STEP", "2"}},
        {{slurm + "ID", "1"}, {slurm + "COUNT", "3"}, {slurm + "STEP", "0"}},
        {{slurm + "ID", "0"}, {slurm + "COUNT", "1"}},
        {{slurm + "ID", "3"}, {slurm + "COUNT", "1"}, {slurm + "MIN", "3"}},
        {{slurm + "ID", "3"}, {slurm + "COUNT", "2"}, {slurm + "MIN", "3"}, {slurm + "STEP", "4"}},
        {{slurm + "ID", "4"}, {slurm + "COUNT", "4"}, {slurm + "MIN", "4"}}})
    CHECK_THROWS_AS(shard(bad), ArgumentError);
}

}  // namespace WEIR_UNIT
