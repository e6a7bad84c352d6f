/// Finds JPEG files whose Huffman tables stb_image would write behind its memory, and counts scans.
#pragma once
#include <cstddef>
#include <cstring>
#include <span>

namespace weir::detail {

/// stb_image up to 2.27 (Debian 12) copies a Huffman table without asking whether its symbols are more than the 256
/// that it has room for (ITU-T T.81, B.2.4.2 allows no more). This looks at every place where it could read one: the
/// segments in front of the first scan, one after the other, and from there, or from the first irregularity, wherever
/// the bytes of the marker stand. They stand in no entropy-coded data, and the segments that may hold them by accident,
/// pictures within pictures and colour profiles, come in front.
class JpegCheck {
 public:
  explicit JpegCheck(std::span<const char> file) : file_(file) {}

  /// False if a table has more than 256 symbols; true for all other files, whatever they are.
  bool tables_fit() const {
    bool fit = true;
    each_segment([&](unsigned marker, std::size_t at) { fit &= marker != huffman_tables || segment_fits(at); });
    return fit;
  }

  /// How often the file goes over its image. stb_image does so in full, whether there is data or not.
  std::size_t scans() const {
    std::size_t n = 0;
    each_segment([&](unsigned marker, std::size_t) { n += marker == start_of_scan ? 1 : 0; });
    return n;
  }

 private:
  static constexpr unsigned huffman_tables = 0xC4, start_of_scan = 0xDA;

  /// 0 behind the end, as stb_image reads it.
  unsigned byte(std::size_t i) const { return i < file_.size() ? static_cast<unsigned char>(file_[i]) : 0U; }
  std::size_t word(std::size_t i) const { return byte(i) << 8U | byte(i + 1); }

  /// visit(marker, where the bytes behind it stand)
  template <class Visit>
  void each_segment(Visit visit) const {
    std::size_t at = 0;
    if (byte(0) == 0xFF && byte(1) == 0xD8)
      for (at = 2; byte(at) == 0xFF && byte(at + 1) >= 0xC0 && byte(at + 1) < 0xFF; at += 2 + word(at + 2)) {
        const unsigned marker = byte(at + 1);
        const bool has_no_length = marker >= 0xD0 && marker <= 0xD9;
        if (has_no_length || marker == start_of_scan || word(at + 2) < 2) break;
        visit(marker, at + 2);
      }
    for (; at < file_.size(); ++at) {
      const void* next = std::memchr(file_.data() + at, 0xFF, file_.size() - at);
      if (next == nullptr) return;
      at = static_cast<std::size_t>(static_cast<const char*>(next) - file_.data());
      visit(byte(at + 1), at + 2);
    }
  }

  /// The tables of a segment: a byte of class and number, 16 bytes that say how many codes have 1, 2, .. bits, and as
  /// many symbols.
  bool segment_fits(std::size_t at) const {
    auto left = static_cast<std::ptrdiff_t>(word(at)) - 2;
    for (at += 2; left > 0 && at < file_.size();) {
      std::size_t symbols = 0;
      for (std::size_t i = 1; i <= 16; ++i) symbols += byte(at + i);
      if (symbols > 256) return false;
      at += 17 + symbols;
      left -= static_cast<std::ptrdiff_t>(17 + symbols);
    }
    return true;
  }

  std::span<const char> file_;
};

}  // namespace weir::detail
