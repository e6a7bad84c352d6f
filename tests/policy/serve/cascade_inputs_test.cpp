#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>

namespace WEIR_UNIT {

using weir::detail::CascadeInputs, weir::Image, weir::ImageView, weir::Preprocess, weir::PreprocessOptions, weir::Shape;

namespace {

std::shared_ptr<const Preprocess> reads(int side, double mean) {
  PreprocessOptions o;
  o.channels = 1;
  o.height = o.width = side;
  o.mean = {mean};
  o.std = {1};
  return std::make_shared<const Preprocess>(o);
}

Image image(int side, int seed) {
  Image v{{}, side, side, 1};
  for (int p = 0; p < side * side; ++p) v.data.push_back(static_cast<std::uint8_t>((p * 7 + seed * 31) % 256));
  return v;
}

std::vector<float> plain(const Preprocess& p, ImageView v) {
  Preprocess::Scratch scratch;
  std::vector<float> out(static_cast<std::size_t>(p.shape().numel()));
  p.apply(v, out.data(), scratch);
  return out;
}

std::vector<float> filled(CascadeInputs& inputs, std::size_t network, std::size_t row, int side) {
  std::vector<float> out(static_cast<std::size_t>(side) * static_cast<std::size_t>(side));
  inputs.fill(network, row, {out.data(), Shape{1, 1, side, side}});
  return out;
}

}  // namespace

TEST_CASE("CascadeInputs: an image is preprocessed once for all networks that share it, and again for others") {
  const auto shared = reads(6, 1), other_mean = reads(6, 2), smaller = reads(3, 1);
  CascadeInputs inputs({other_mean, shared, smaller, shared, shared});
  std::vector<Image> images{image(8, 1), image(6, 2), image(5, 3)};
  const std::vector<ImageView> views(images.begin(), images.end());
  for (int round = 0; round < 2; ++round) {
    inputs.begin(views);
    const auto first = plain(*shared, images[1]);
    CHECK(filled(inputs, 1, 1, 6) == first);
    // Whoever preprocesses now sees other pixels; who does not, the first network's.
    images[1].data.assign(36, static_cast<std::uint8_t>(round));
    CHECK(filled(inputs, 3, 1, 6) == first);
    CHECK(filled(inputs, 4, 1, 6) == first);
    CHECK(filled(inputs, 0, 1, 6) == plain(*other_mean, images[1]));
    CHECK(filled(inputs, 2, 1, 3) == plain(*smaller, images[1]));
    // Each image for itself; a new one in a row is preprocessed anew.
    CHECK(filled(inputs, 3, 0, 6) == plain(*shared, images[0]));
    inputs.put(1, images[2]);
    CHECK(filled(inputs, 3, 1, 6) == plain(*shared, images[2]));
  }
}

TEST_CASE("CascadeInputs: threads fill different rows at once") {
  const auto shared = reads(6, 1), apart = reads(5, 3);
  CascadeInputs inputs({shared, apart, shared});
  std::vector<Image> images;
  for (int i = 0; i < 64; ++i) images.push_back(image(4 + i % 5, i));
  inputs.reserve(images.size());
  std::vector<std::vector<float>> got(images.size() * 3);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Preprocess::Scratch scratch;
      for (std::size_t row = t; row < images.size(); row += 4) {
        inputs.put(row, images[row]);
        for (std::size_t network = 0; network < 3; ++network) {
          const std::int64_t side = network == 1 ? 5 : 6;
          auto& out = got[row * 3 + network];
          out.resize(static_cast<std::size_t>(side * side));
          inputs.fill(network, row, {out.data(), Shape{1, 1, side, side}}, scratch);
        }
      }
    });
  for (auto& thread : threads) thread.join();
  for (std::size_t row = 0; row < images.size(); ++row) {
    CHECK(got[row * 3] == plain(*shared, images[row]));
    CHECK(got[row * 3 + 1] == plain(*apart, images[row]));
    CHECK(got[row * 3 + 2] == got[row * 3]);
  }
}

}  // namespace WEIR_UNIT
