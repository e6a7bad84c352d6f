/// What the tests of io share: a temporary folder, raw files, sweeps over damaged files.
#pragma once
#include <doctest/doctest.h>
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>

namespace io_test {

/// An empty folder, removed when the scope ends.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir_io_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream out(path_ / name, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path_ / name;
  }
  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot open " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::filesystem::path vectors() { return std::filesystem::path(WEIR_TEST_DIR) / "vectors"; }

/// The message of the error of type E that f throws; "" if it throws nothing.
template <class E, class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// f(prefix) for every proper prefix must throw FormatError (not crash, not accept).
template <class F>
void check_every_prefix_refused(const std::string& bytes, F f) {
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    INFO("the first ", n, " of ", bytes.size(), " bytes");
    // A copy of exactly this size, so that a sanitizer sees every read behind the end.
    const weir::detail::Bytes prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    CHECK_THROWS_AS(f(prefix), weir::FormatError);
  }
}

/// f(bytes with one bit flipped) may succeed or throw a weir::Error, for every bit; anything else fails. Returns how
/// many were refused.
template <class F>
std::size_t sweep_bit_flips(const std::string& bytes, F f) {
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    weir::detail::Bytes damaged(bytes.begin(), bytes.end());
    damaged[bit / 8] = static_cast<char>(static_cast<unsigned char>(damaged[bit / 8]) ^ (1U << (bit % 8)));
    try {
      f(damaged);
    } catch (const weir::Error&) {
      ++refused;
    } catch (const std::exception& e) {
      FAIL_CHECK("bit " << bit << ": " << e.what());
    }
  }
  return refused;
}

/// pattern() of tests/vectors/make_images.py.
inline weir::Image pattern(int height, int width, int channels) {
  weir::Image image{{}, height, width, channels};
  const auto n = static_cast<std::uint32_t>(height * width * channels);
  for (std::uint32_t i = 0; i < n; ++i) image.data.push_back(static_cast<std::uint8_t>((i * i * 7 + i * 131 + 5) / 8));
  return image;
}

}  // namespace io_test
