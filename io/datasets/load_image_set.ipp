// What load_image_set.hpp declares.
#pragma once
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/datasets/cifar.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/datasets/idx.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/datasets/labels.hpp>
#include <weir/io/datasets/load_image_set.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/files/npy.hpp>

namespace weir::detail {

WEIR_INLINE ImageSet read_image_folder(const std::filesystem::path& folder, const std::filesystem::path& csv,
                                       const ClassNames& names) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::exists(csv, error))
    throw IoError(detail::message({csv.string(),
                                   ": there is no such file; a folder of images needs a CSV with the header file,label",
                                   (fs::is_symlink(csv, error) ? " (it is a link that leads nowhere)" : "")}));
  const CsvTable table = read_csv(csv);
  for (const char* column : {"file", "label"})
    if (!table.has_column(column))
      throw FormatError(detail::message(
          {csv.string(), ":", table.header_line, ": no column '", column, "'", header_hint(table, "file,label")}));
  const std::size_t file_column = table.column("file");
  const std::size_t label_column = table.column("label");
  std::vector<fs::path> files;
  std::vector<std::string> file_names;
  Labels labels{{}, csv.string(), table.lines};
  std::map<std::string, std::size_t> row_of;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string& name = table.rows[i][file_column];
    try {
      files.push_back(path_inside(folder, name, Links::follow));
    } catch (const Error& e) {
      throw FormatError(detail::message({table.where(i), ": ", e.what()}));
    }
    if (!fs::is_regular_file(files.back(), error))
      throw FormatError(
          detail::message({table.where(i), ": no file '", name, "' in ", folder.string(),
                           (fs::is_symlink(files.back(), error) ? "; it is a link that leads to no file" : "")}));
    if (const auto [first, is_new] = row_of.emplace(files.back().lexically_normal().string(), i); !is_new)
      throw FormatError(detail::message({table.where(i), ": file '", name, "' is listed twice, first in line ",
                                         table.lines[first->second], "; remove one of the lines"}));
    file_names.push_back(name);
    labels.values.push_back(parse_label(table.rows[i][label_column], table.where(i), names));
  }
  ImageSet set =
      ImageSet::from_files(std::move(files), std::move(file_names), std::move(labels.values), folder.string());
  set.set_labels_origin(labels);
  return set;
}

WEIR_INLINE bool is_image_name(const std::filesystem::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::array<std::string_view, 6> known{".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm"};
  return std::ranges::find(known, ending) != known.end();
}

WEIR_INLINE ImageSet find_images(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  try {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
      if (std::error_code error; is_image_name(entry.path()) && entry.is_regular_file(error))
        names.push_back(entry.path().lexically_relative(folder).string());
  } catch (const fs::filesystem_error& e) {
    throw io_error(folder, "cannot be read", e.code().value());
  }
  if (names.empty())
    throw FormatError(detail::message({folder.string(), ": holds no images (.jpg, .jpeg, .png, .bmp, .ppm or .pgm)"}));
  std::ranges::sort(names);
  std::vector<fs::path> files;
  for (const std::string& name : names) files.push_back(folder / name);
  return ImageSet::from_files(std::move(files), std::move(names), {}, folder.string());
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE ImageSet load_image_set(const std::filesystem::path& images, const std::filesystem::path& labels,
                                    const detail::ClassNames& names) {
  namespace fs = std::filesystem;
  std::error_code error;
  const bool is_folder = fs::is_directory(images, error);
  const std::string kind = images.extension().string();
  const std::string source = images.string();
  if (!fs::exists(images, error))
    throw IoError(source + (fs::is_symlink(images, error) ? ": is a symbolic link that leads to no file or folder"
                                                          : ": there is no such file or folder"));
  const bool is_cifar_folder =
      is_folder && labels.empty() && !fs::exists(images / "labels.csv", error) &&
      (fs::exists(images / "data_batch_1.bin", error) || fs::exists(images / "test_batch.bin", error));
  if (is_cifar_folder || (!is_folder && kind == ".bin")) {
    if (!labels.empty())
      throw ArgumentError(detail::message({source, ": holds its labels itself, but a file of labels is given"}));
    detail::CifarImages cifar = detail::read_cifar(images);
    const auto n = static_cast<std::int64_t>(cifar.labels.size());
    return ImageSet::from_pixels(Shape{n, 32, 32, 3}, std::move(cifar.pixels), std::move(cifar.labels), source);
  }
  if (is_folder) return read_image_folder(images, labels.empty() ? images / "labels.csv" : labels, names);
  detail::Labels known = labels.empty() ? detail::Labels{} : read_labels(labels, names);
  const auto with_origin = [&](ImageSet set) {
    if (!labels.empty()) set.set_labels_origin(known);
    return set;
  };
  if (kind == ".npy") {
    NpyArray array = read_npy(images);
    if (array.dtype == NpyType::uint8)
      return with_origin(ImageSet::from_pixels(array.shape, std::move(array.bytes), std::move(known.values), source));
    if (array.dtype == NpyType::float32 || array.dtype == NpyType::float64)
      return with_origin(ImageSet::from_floats(array.to_tensor(), std::move(known.values), source));
    throw FormatError(detail::message({source, ": images are uint8 or floating point, not other integers"}));
  }
  detail::IdxArray array = detail::read_idx(images);
  if (array.shape.rank() != 3)
    throw FormatError(detail::message({source, ": images have the shape [N, H, W], not ", array.shape.to_string()}));
  return with_origin(ImageSet::from_pixels(array.shape, std::move(array.bytes), std::move(known.values), source));
}

}  // namespace weir
