/// GzipReader: decompresses a gzip file held in memory piece by piece, so that its reader bounds the memory.
#pragma once
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <weir/core/error.hpp>

namespace weir::detail {

/// True if bytes begin as a gzip file does (RFC 1952).
inline bool is_gzip(std::span<const char> bytes) {
  return std::string_view(bytes.data(), bytes.size()).starts_with("\x1f\x8b");
}

/// Reads the members of a gzip file one after the other, as gunzip does; zlib checks their sums. The bytes must
/// outlive the reader.
class GzipReader {
 public:
  explicit GzipReader(std::span<const char> bytes) : left_(bytes) {
    constexpr int gzip_only = 16;
    if (inflateInit2(&stream_, gzip_only + MAX_WBITS) != Z_OK) throw FormatError("zlib cannot be started");
  }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;
  ~GzipReader() { inflateEnd(&stream_); }

  /// Fills out as far as the file goes; returns the bytes written, fewer than asked for only at the end of the file.
  /// Throws FormatError if the file is damaged or cut off.
  std::size_t read(std::span<char> out) {
    std::size_t done = 0;
    while (done < out.size() && !at_end_) {
      if (stream_.avail_in == 0) refill();
      const std::size_t room = std::min<std::size_t>(out.size() - done, max_piece);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream_.avail_out = static_cast<uInt>(room);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        if (stream_.avail_in == 0 && left_.empty()) {
          at_end_ = true;
        } else if (inflateReset(&stream_) != Z_OK) {
          throw FormatError("zlib cannot be restarted");
        }
      } else if (status == Z_BUF_ERROR) {
        throw FormatError("gzip data is cut off");
      } else if (status != Z_OK) {
        throw FormatError(
            detail::message({"gzip data is damaged", (stream_.msg ? std::string(": ") + stream_.msg : "")}));
      }
    }
    return done;
  }

 private:
  static constexpr std::size_t max_piece = std::numeric_limits<uInt>::max() / 2;

  void refill() {
    const std::size_t piece = std::min(left_.size(), max_piece);
    // zlib's interface is older than const; inflate does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(left_.data()));
    stream_.avail_in = static_cast<uInt>(piece);
    left_ = left_.subspan(piece);
  }

  z_stream stream_{};
  std::span<const char> left_;
  bool at_end_ = false;
};

}  // namespace weir::detail
