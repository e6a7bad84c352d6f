/// Class labels from a CSV, .npy or IDX file.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/npy.hpp>

namespace weir::detail {

/// Labels of images 0, 1, ..., and where each of them stands.
struct Labels {
  std::vector<int> values;
  std::string source;              ///< the file
  std::vector<std::size_t> lines;  ///< of that file, from 1; empty where it has no lines

  /// "labels.csv:17", or "labels.npy, label 16" (from 0).
  std::string where(std::size_t i) const;
};

/// A label, 0 or above. Throws FormatError that names where it stood.
int checked_label(std::int64_t value, const std::string& where);
/// A class's name where there are names, or its number.
int parse_label(std::string_view text, const std::string& where, const ClassNames& names = {});
/// What the first line should be, for the message that it is not.
std::string header_hint(const CsvTable& table, const std::string& header);
/// The label column of a CSV, or its only column; a file without header line begins with the first label.
Labels labels_of_csv(const CsvTable& table, const ClassNames& names = {});
Labels labels_of_npy(const NpyArray& array, const std::string& source);

/// The labels of images 0, 1, ... from a .npy file (integers [N]), a .csv, .tsv or .txt file (a column `label`, or one
/// label per line) or else an IDX file ([N], gzipped or not). Labels are 0 to 2^31 - 1, or in text files names of
/// `names`. Throws FormatError naming the file and line, IoError.
Labels read_labels(const std::filesystem::path& path, const ClassNames& names = {});

/// Throws FormatError where a label is no class of a network that tells `classes` apart; where(i) says where label i
/// stands.
template <typename Where>
void check_labels(const std::vector<int>& labels, std::size_t classes, const std::string& network, const Where& where) {
  if (labels.empty()) return;
  const auto [least, most] = std::minmax_element(labels.begin(), labels.end());
  const auto n = static_cast<std::int64_t>(classes);
  if (*least >= 0 && *most < n) return;
  const auto bad = std::find_if(labels.begin(), labels.end(), [&](int l) { return l < 0 || l >= n; });
  throw FormatError(
      detail::message({where(static_cast<std::size_t>(bad - labels.begin())), ": label ", *bad, ", but ", network,
                       " tells ", classes, " classes apart: labels are 0 to ", classes - 1,
                       (*least >= 1 && *most == n ? "; these labels seem to begin with 1: subtract 1" : "")}));
}

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/io/datasets/labels.ipp>
#endif
