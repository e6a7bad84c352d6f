/// The version of weir. CMakeLists.txt reads it here.
#pragma once

namespace weir {

inline constexpr int version_major = 0, version_minor = 2, version_patch = 0;
inline constexpr const char* version = "0.2.0";

}  // namespace weir
