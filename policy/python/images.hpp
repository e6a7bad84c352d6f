/// Images that Python gives: arrays, read in place, and paths.
#pragma once
#include <filesystem>
#include <vector>
#include <weir/io/images/image_view.hpp>

#include "bindings.hpp"

namespace weir::python {

struct Images {
  std::vector<py::array> keep;               ///< what the views look at
  std::vector<ImageView> views;              ///< one for each image
  std::vector<std::filesystem::path> paths;  ///< of those to decode; empty for arrays
  std::vector<Image> decoded;

  /// Decodes those that are paths. Needs no GIL.
  void read();
};

/// From any iterable: arrays of uint8 [H, W] or [H, W, C] (also one array [N, H, W, C] or [N, H, W]), images of
/// Pillow's and paths; a single path or Pillow image counts as a list of one. Arrays are NumPy's or anything that it
/// can read in place (PyTorch's tensors). Throws ArgumentError for other types, ShapeError for other shapes.
Images images_of(const py::handle& images);

}  // namespace weir::python
