/// Bundles: a policy moved as one folder, with its networks, their preprocessing and a program that runs it.
#pragma once
#include <filesystem>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

namespace weir {

/// Makes a folder that can be copied to another machine and run there:
///
///     policy.json, ...            the policies, which name their networks by file name
///     a.onnx, ...                 the networks, each once, and further files with their weights (external data)
///     classes.txt                 the names of the classes, where they lie beside the first policy
///     main.cpp, CMakeLists.txt    a program that answers images with policy.json
///
/// Preprocessing, exit heads and names of stages are in the policies. Networks of one name and different content get
/// numbers. `networks`: where the policies' networks are, as for read_cascade(). The folder must not exist, or be
/// empty: it appears when it is complete, and not at all where something fails.
/// Throws ArgumentError for no policies, two of one name, or a folder that holds something; FormatError and IoError as
/// read_cascade() and load_network(), so a network that changed after learning is refused.
void write_bundle(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& policies,
                  const detail::NetworkFiles& networks = {});

}  // namespace weir

namespace weir::detail {

/// Throws ArgumentError or IoError where write_bundle() could not make this folder: before the work that fills it.
void check_bundle_folder(const std::filesystem::path& folder);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/serve/bundle.ipp>
#endif
