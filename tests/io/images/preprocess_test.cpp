#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::pattern, io_test::contains;
using weir::Image, weir::Preprocess, weir::PreprocessOptions;

namespace {

/// scale 1, mean 0, std 1: the values are the pixels.
PreprocessOptions plain(int channels, int height, int width) {
  PreprocessOptions o;
  o.channels = channels;
  o.height = height;
  o.width = width;
  o.mean.assign(static_cast<std::size_t>(channels), 0);
  o.std.assign(static_cast<std::size_t>(channels), 1);
  return o;
}

std::vector<float> applied(const Preprocess& p, weir::ImageView image) {
  Preprocess::Scratch scratch;
  std::vector<float> out(static_cast<std::size_t>(p.shape().numel()), -1);
  p.apply(image, out.data(), scratch);
  return out;
}

nlohmann::json squeezenet() {
  return nlohmann::json::parse(R"({"input": {"channels": 3, "height": 8, "width": 8, "layout": "NCHW"}, "crop": 8,
    "mean": [104, 117, 123], "std": [1, 2, 4], "channel_order": "BGR", "scale": 0.5})");
}

}  // namespace

TEST_CASE("Preprocess: the share of an image that a crop leaves") {
  const auto seen = [](int resize, int crop, int height, int width) {
    PreprocessOptions o = plain(1, 28, 28);
    o.resize = resize;
    o.crop = crop;
    return Preprocess(o).share_seen({nullptr, height, width, 1});
  };
  CHECK(seen(0, 0, 200, 300) == 1);
  CHECK(seen(0, 28, 28, 28) == 1);
  CHECK(seen(0, 28, 200, 300) == doctest::Approx(28.0 * 28 / (200 * 300)));
  CHECK(seen(0, 28, 20, 40) == doctest::Approx(0.5));
  CHECK(seen(256, 224, 300, 300) == doctest::Approx(0.765625));
  CHECK(seen(28, 28, 200, 400) == doctest::Approx(0.5));
  CHECK(seen(20, 28, 200, 400) == doctest::Approx(0.5));
}

TEST_CASE("Preprocess: resizing and cropping equal Pillow's to the last bit") {
  const auto json = nlohmann::json::parse(io_test::slurp(io_test::vectors() / "preprocess.json"));
  REQUIRE(json["cases"].size() > 10);
  for (const auto& c : json["cases"]) {
    const int channels = c["channels"];
    PreprocessOptions o = plain(channels, c["out_height"], c["out_width"]);
    o.resize = c["resize"];
    o.crop = c["crop"];
    INFO(c["height"].get<int>(), "x", c["width"].get<int>(), "x", channels, " resize ", o.resize, " crop ", o.crop);
    o.is_nhwc = true;  // as the vectors are
    const std::vector<float> got = applied(Preprocess(o), pattern(c["height"], c["width"], channels));
    CHECK(got == c["pixels"].get<std::vector<float>>());
  }
}

TEST_CASE("Preprocess: a scratch used for images of many sizes changes nothing") {
  Preprocess::Scratch shared;
  PreprocessOptions o = plain(3, 16, 12);
  o.resize = 20;
  o.crop = 18;
  const Preprocess p(o);
  std::vector<float> out(static_cast<std::size_t>(p.shape().numel()));
  for (const auto& [h, w, c] : std::vector<std::array<int, 3>>{
           {40, 30, 3}, {7, 9, 1}, {40, 30, 1}, {30, 40, 3}, {20, 20, 3}, {18, 60, 3}, {40, 30, 3}, {1, 1, 1}}) {
    const Image image = pattern(h, w, c);
    p.apply(image, out.data(), shared);
    CHECK(out == applied(p, image));
  }
}

TEST_CASE("Preprocess: constant images stay constant whatever the size") {
  for (const int level : {0, 1, 128, 254, 255})
    for (const auto& [h, w] : std::vector<std::pair<int, int>>{{1, 1}, {3, 500}, {500, 3}, {37, 41}, {2000, 2}}) {
      const Image image{std::vector<std::uint8_t>(static_cast<std::size_t>(h * w), static_cast<std::uint8_t>(level)), h,
                        w, 1};
      for (const float v : applied(Preprocess(plain(3, 9, 5)), image)) REQUIRE(v == static_cast<float>(level));
    }
}

TEST_CASE("Preprocess: every layout, channel order and number of channels follows the formula") {
  const Image rgb = pattern(4, 5, 3), grey = pattern(4, 5, 1);
  for (const Image* image : {&rgb, &grey})
    for (const int channels : {1, 3})
      for (const bool bgr : {false, true})
        for (const bool nhwc : {false, true}) {
          PreprocessOptions o = plain(channels, 4, 5);
          o.is_bgr = bgr && channels == 3;
          o.is_nhwc = nhwc;
          o.scale = 1.0 / 255;
          for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
            o.mean[c] = 0.4 + 0.1 * static_cast<double>(c);
            o.std[c] = 0.2 + 0.01 * static_cast<double>(c);
          }
          const std::vector<float> out = applied(Preprocess(o), *image);
          for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c)
            for (std::size_t p = 0; p < 20; ++p) {
              double pixel = 0;
              if (image == &grey)
                pixel = grey.data[p];
              else if (channels == 3)
                pixel = rgb.data[3 * p + (o.is_bgr ? 2 - c : c)];
              else  // rounded, as an image is made of bytes
                pixel = std::floor(0.299 * rgb.data[3 * p] + 0.587 * rgb.data[3 * p + 1] + 0.114 * rgb.data[3 * p + 2] +
                                   0.5);
              const auto expected = static_cast<float>((pixel * o.scale - o.mean[c]) / o.std[c]);
              REQUIRE(out[nhwc ? p * static_cast<std::size_t>(channels) + c : c * 20 + p] == expected);
            }
        }
}

TEST_CASE("Preprocess: reads an entry of models.json") {
  const Preprocess p = Preprocess::from_json(squeezenet());
  CHECK(p.shape() == weir::Shape{3, 8, 8});
  CHECK(p.options().is_bgr);
  const Image image = pattern(8, 8, 3);
  const std::vector<float> out = applied(p, image);
  CHECK(out[0] == static_cast<float>(image.data[2]) * 0.5F - 104.0F);
  CHECK(out[128] == (static_cast<float>(image.data[0]) * 0.5F - 123.0F) / 4.0F);
}

TEST_CASE("Preprocess: refuses what it does not understand, naming the key") {
  const auto refused = [](const std::string& pointer, const nlohmann::json& value) {
    nlohmann::json entry = squeezenet();
    entry[nlohmann::json::json_pointer(pointer)] = value;
    return io_test::message_of<weir::FormatError>([&] { (void)Preprocess::from_json(entry); });
  };
  CHECK(contains(refused("/input/channels", 2), "2 channels"));
  CHECK(contains(refused("/input/height", 0), "size"));
  CHECK(contains(refused("/input/height", -5), "height"));
  CHECK(contains(refused("/input/width", std::int64_t{1} << 60), "width"));
  CHECK(contains(refused("/input/width", "8"), "width"));
  CHECK(contains(refused("/input/layout", "CHWN"), "layout"));
  CHECK(contains(refused("/crop", 1.5), "crop"));
  CHECK(contains(refused("/resize", 1 << 20), "resize"));
  CHECK(contains(refused("/mean", nlohmann::json::array({1, 2})), "mean"));
  CHECK(contains(refused("/mean", "high"), "mean"));
  CHECK(contains(refused("/std", nlohmann::json::array({1, 0, 1})), "not finite"));
  CHECK(contains(refused("/scale", 1e300), "not finite"));
  CHECK(contains(refused("/scale", nullptr), "scale"));
  CHECK(contains(refused("/channel_order", "GRAY"), "channel_order"));
  CHECK(contains(refused("/interpolation", "bicubic"), "interpolation"));
  CHECK(refused("/interpolation", "bilinear").empty());
  CHECK(contains(refused("/scal", 1), "key 'scal' is unknown; the nearest is 'scale'"));
  CHECK(contains(refused("/input/widht", 8), "key 'widht' is unknown; the nearest is 'width'"));
  for (const char* key : {"input", "mean", "std"}) {
    nlohmann::json entry = squeezenet();
    entry.erase(key);
    CHECK(contains(io_test::message_of<weir::FormatError>([&] { (void)Preprocess::from_json(entry); }), key));
  }
  CHECK_THROWS_AS((void)Preprocess::from_json(nlohmann::json(3)), weir::FormatError);
}

TEST_CASE("Preprocess: refuses images that are none") {
  const Preprocess p(plain(3, 8, 8));
  Preprocess::Scratch scratch;
  std::vector<float> out(192);
  const Image two = pattern(4, 4, 2);
  CHECK_THROWS_AS(p.apply(two, out.data(), scratch), weir::ArgumentError);
  CHECK_THROWS_AS(p.apply(weir::ImageView{}, out.data(), scratch), weir::ArgumentError);
  CHECK_THROWS_AS(p.apply(weir::ImageView{two.data.data(), 0, 4, 1}, out.data(), scratch), weir::ArgumentError);
}

TEST_CASE("Preprocess: an image too long and thin to be resized is refused, whatever its length") {
  Preprocess::Scratch scratch;
  for (const int crop : {0, 4}) {
    weir::PreprocessOptions o;
    o.channels = 1;
    o.height = o.width = 4;
    o.resize = 256;
    o.crop = crop;
    o.mean = {0};
    o.std = {1};
    const Preprocess p(o);
    std::vector<float> out(16);
    for (const int length : {9'000'000, 60'000'000}) {  // the resized one would be longer than an int is
      const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(length), 5);
      for (const auto& [height, width] : {std::pair{1, length}, {length, 1}})
        CHECK_THROWS_WITH_AS(p.apply(weir::ImageView{pixels.data(), height, width, 1}, out.data(), scratch),
                             doctest::Contains("too long and thin"), weir::ArgumentError);
    }
    const std::vector<std::uint8_t> pixels(1000, 5);  // long, but not too long
    p.apply(weir::ImageView{pixels.data(), 1, 1000, 1}, out.data(), scratch);
    CHECK(out == std::vector<float>(16, 5));
  }
}

TEST_CASE("load_preprocess: every network by file name; errors name file and entry") {
  const io_test::TempFolder folder;
  nlohmann::json a = squeezenet(), b = squeezenet();
  a["file"] = "a.onnx";
  b["file"] = "b.onnx";
  b["input"]["height"] = 9;
  const auto write = [&](const nlohmann::json& models) {
    return folder.write("models.json", nlohmann::json{{"models", models}}.dump());
  };
  const auto all = weir::load_preprocess(write({a, b}));
  CHECK(all.size() == 2);
  CHECK(all.at("b.onnx").height() == 9);
  const auto refused = [&](const std::filesystem::path& path) {
    return io_test::message_of<weir::FormatError>([&] { (void)weir::load_preprocess(path); });
  };
  CHECK(contains(refused(write({a, a})), "a.onnx': listed twice"));
  CHECK(contains(refused(folder.write("x.json", R"({"models": [], "clases": []})")), "nearest is 'classes'"));
  b["cropp"] = 3;
  CHECK(contains(refused(write({a, b})), "models.json: 'b.onnx': key 'cropp' is unknown"));
  b.erase("cropp");
  b.erase("mean");
  CHECK(contains(refused(write({a, b})), "models.json: 'b.onnx': 'mean'"));
  b.erase("file");
  CHECK(contains(refused(write(nlohmann::json::array({b}))), "no 'file'"));
  CHECK(contains(refused(folder.write("x.json", "{")), "not JSON"));
  CHECK(contains(refused(folder.write("x.json", "[]")), "models"));
  CHECK(contains(refused(folder.write("x.json", std::string(2000000, '['))), "not JSON"));
  CHECK_THROWS_AS((void)weir::load_preprocess(folder / "none.json"), weir::IoError);
}

TEST_CASE("load_preprocess: the repository's own models.json") {
  const auto all = weir::load_preprocess(std::filesystem::path(WEIR_TEST_DIR) / "../bench/networks/models.json");
  for (const char* name : {"fashion_alexnet.onnx", "fashion_googlenet.onnx", "fashion_resnet.onnx"}) {
    const Preprocess& p = all.at(name);
    CHECK(p.shape() == weir::Shape{1, 28, 28});
    const Image image = pattern(28, 28, 1);
    const std::vector<float> out = applied(p, image);
    for (std::size_t i = 0; i < out.size(); ++i)
      REQUIRE(out[i] == doctest::Approx((image.data[i] / 255.0 - 0.2860) / 0.3530).epsilon(1e-6));
  }
}

}  // namespace WEIR_UNIT
