/// load_image_set: an ImageSet from whatever a path names.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/datasets/image_set.hpp>

namespace weir::detail {

/// The images that a CSV lists: column `file` (relative to folder, without ".."; links are followed), column `label` (a
/// number, or one of `names`); others are ignored. Only looks whether the files exist; decoding them is the set's
/// affair. Throws FormatError naming the CSV and line on a path that leads out of the folder, a missing file, a bad
/// label or a file listed twice; IoError.
ImageSet read_image_folder(const std::filesystem::path& folder, const std::filesystem::path& csv,
                           const ClassNames& names = {});

/// Whether a file's name ends as those of images that read_image() decodes: .jpg, .jpeg, .png, .bmp, .ppm, .pgm, in
/// small letters or capitals.
bool is_image_name(const std::filesystem::path& file);

/// All images of a folder and of the folders in it, by is_image_name(), in the order of their names, without labels.
/// Links to files are followed, links to folders are not. Throws FormatError where there are none, IoError.
ImageSet find_images(const std::filesystem::path& folder);

}  // namespace weir::detail

namespace weir {

/// Images and labels, by what images names:
///   a folder with CIFAR-10 batches (and labels empty)   see read_cifar
///   any other folder    labels is the CSV of read_image_folder (empty: labels.csv in the folder)
///   .npy                uint8 [N, H, W] or [N, H, W, C], or floats [N, C, H, W]; labels: see read_labels
///   .bin                a CIFAR-10 batch, which holds its labels; labels is empty
///   anything else       IDX [N, H, W], gzipped or not; labels: see read_labels
/// names: what labels in text files may say instead of numbers.
/// labels may be empty where the labels are not known (has_labels() is then false). Throws FormatError or IoError
/// naming the file, ArgumentError if labels are given where the images' file holds them.
ImageSet load_image_set(const std::filesystem::path& images, const std::filesystem::path& labels = {},
                        const detail::ClassNames& names = {});

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/io/datasets/load_image_set.ipp>
#endif
