#include <weir/core/isa.hpp>
#include <weir/io/images/image.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/report/png.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

TEST_CASE("base64: the vectors of RFC 4648") {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) CHECK(weir::detail::base64(plain) == coded);
  CHECK(weir::detail::base64("\xff\xef\xbe") == "/+++");
}

TEST_CASE("encode_png: another decoder gives the pixels back") {
  for (const int channels : {1, 3})
    for (const auto& [h, w] : std::vector<std::pair<int, int>>{{1, 1}, {28, 28}, {1, 300}, {300, 1}, {61, 47}}) {
      const weir::Image image = io_test::pattern(h, w, channels);
      const std::string png = weir::detail::encode_png(image);
      const weir::Image back = weir::decode_image({png.data(), png.size()}, "png");
      CHECK(back.height == h);
      CHECK(back.width == w);
      CHECK(back.channels == channels);
      CHECK(back.data == image.data);
    }
}

TEST_CASE("encode_png: refuses images that are none") {
  const std::uint8_t pixel[4] = {};
  for (const weir::ImageView& v : {weir::ImageView{}, weir::ImageView{pixel, 1, 1, 2}, weir::ImageView{pixel, 0, 1, 1},
                                   weir::ImageView{pixel, 1, -1, 1}, weir::ImageView{pixel, 1 << 20, 1 << 20, 1}})
    CHECK_THROWS_AS((void)weir::detail::encode_png(v), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
