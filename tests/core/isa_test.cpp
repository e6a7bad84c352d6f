#include <doctest/doctest.h>

#include <string>
#include <weir/core/isa.hpp>

namespace WEIR_UNIT {

TEST_CASE("isa: names go both ways, the portable one runs everywhere, others say what is wrong with them") {
  CHECK(weir::supported(weir::Isa::portable));
  for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512}) {
    const std::string name(weir::to_string(isa));
    if (weir::supported(isa))
      CHECK(weir::isa_by_name(name) == isa);
    else
      CHECK_THROWS_WITH_AS(weir::isa_by_name(name),
                           ("instruction set '" + name + "': this CPU does not have it").c_str(), weir::ArgumentError);
  }
  for (const char* unknown : {"", "AVX2", "avx", "avx5122"})
    CHECK_THROWS_AS(weir::isa_by_name(unknown), weir::ArgumentError);
  CHECK(weir::supported(weir::default_isa()));
  CHECK((!weir::supported(weir::Isa::avx512) || weir::supported(weir::Isa::avx2)));
}

}  // namespace WEIR_UNIT
