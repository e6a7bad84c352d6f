/// IDX files, the format of MNIST and Fashion-MNIST, plain or gzipped.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/files/file.hpp>

namespace weir::detail {

/// An array of unsigned bytes, row-major, shape.numel() of them: images [N, H, W], labels [N].
struct IdxArray {
  Shape shape;
  Bytes bytes;
};

IdxArray parse_idx(std::span<const char> file);

/// Reads an IDX file of unsigned bytes, gzipped or not (its first bytes tell). Nothing is allocated that the file's
/// length does not allow, and no more is decompressed than the header claims. Throws FormatError naming the file if
/// it is damaged, of another element type, or not exactly as long as its header says; IoError.
/// Source: LeCun, Cortes, Burges, "The MNIST database", 1998.
IdxArray read_idx(const std::filesystem::path& path);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/io/datasets/idx.ipp>
#endif
