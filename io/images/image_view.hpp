/// ImageView and Image: 8-bit images, pixel by pixel with their channels together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir {

/// An image that it does not own: height x width x channels bytes, [H, W, C]; channels 1 (grey) or 3 (RGB).
struct ImageView {
  const std::uint8_t* data = nullptr;
  int height = 0, width = 0, channels = 0;

  std::size_t size_bytes() const {
    return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  }
  std::span<const std::uint8_t> bytes() const { return {data, size_bytes()}; }
};

/// As ImageView, owning.
struct Image {
  std::vector<std::uint8_t> data;
  int height = 0, width = 0, channels = 0;

  ImageView view() const { return {data.data(), height, width, channels}; }
  operator ImageView() const { return view(); }
};

}  // namespace weir
