/// stb_image inside weir's namespace, with bounded memory: only io/images/image.ipp includes this.
///
/// Everything of it has internal linkage and its own namespace, so any number of translation units may include it,
/// beside a stb_image.h of their own: its macros are put back as they were. Its asserts are errors of the file at
/// worst, so they are off: hostile input must not abort the program.
#pragma once
#if !__has_include(<stb/stb_image.h>)
#error "weir reads images by stb, which was not found. Debian, Ubuntu: apt install libstb-dev"
#endif
// What stb_image.h includes itself must be seen before, outside of the namespace.
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <cstddef>
#include <cstdlib>

namespace weir::detail {

/// No allocation of the decoder may be larger: enough for 64 Mpixel of 16-bit RGB, or for the coefficients of a
/// progressive JPEG of that size. A PNG's compressed data can claim any size, whatever its header says.
inline constexpr std::size_t max_stb_bytes = std::size_t{400} << 20;

/// Zeroed: of a damaged file the decoder leaves parts of an image unwritten, which then are black and not the memory
/// of something else.
inline void* stb_malloc(std::size_t n) { return n > max_stb_bytes ? nullptr : std::calloc(n, 1); }
inline void* stb_realloc(void* p, std::size_t n) { return n > max_stb_bytes ? nullptr : std::realloc(p, n); }

}  // namespace weir::detail

#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#pragma push_macro("STB_IMAGE_STATIC")
#pragma push_macro("STBIDEF")
#pragma push_macro("STBI_ASSERT")
#pragma push_macro("STBI_MALLOC")
#pragma push_macro("STBI_REALLOC")
#pragma push_macro("STBI_REALLOC_SIZED")
#pragma push_macro("STBI_FREE")
#pragma push_macro("STBI_NO_STDIO")
#pragma push_macro("STBI_NO_LINEAR")
#pragma push_macro("STBI_NO_HDR")
#pragma push_macro("STBI_NO_TGA")
#pragma push_macro("STBI_NO_PSD")
#pragma push_macro("STBI_NO_GIF")
#pragma push_macro("STBI_NO_PIC")
#pragma push_macro("stbi__err")
#undef STBI_INCLUDE_STB_IMAGE_H
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STBIDEF
#undef STBI_ASSERT
#undef STBI_MALLOC
#undef STBI_REALLOC
#undef STBI_REALLOC_SIZED
#undef STBI_FREE
#undef STBI_NO_STDIO
#undef STBI_NO_LINEAR
#undef STBI_NO_HDR
#undef STBI_NO_TGA
#undef STBI_NO_PSD
#undef STBI_NO_GIF
#undef STBI_NO_PIC
#undef stbi__err
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ASSERT(x) static_cast<void>(0)
#define STBI_MALLOC(n) ::weir::detail::stb_malloc(n)
#define STBI_REALLOC(p, n) ::weir::detail::stb_realloc(p, n)
#define STBI_FREE(p) ::std::free(p)
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_TGA
#define STBI_NO_PSD
#define STBI_NO_GIF
#define STBI_NO_PIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
namespace weir::detail::stb {
#include <stb/stb_image.h>
}  // namespace weir::detail::stb
#pragma GCC diagnostic pop
#undef STBI_REALLOC_SIZED
#pragma pop_macro("stbi__err")
#pragma pop_macro("STBI_NO_PIC")
#pragma pop_macro("STBI_NO_GIF")
#pragma pop_macro("STBI_NO_PSD")
#pragma pop_macro("STBI_NO_TGA")
#pragma pop_macro("STBI_NO_HDR")
#pragma pop_macro("STBI_NO_LINEAR")
#pragma pop_macro("STBI_NO_STDIO")
#pragma pop_macro("STBI_FREE")
#pragma pop_macro("STBI_REALLOC_SIZED")
#pragma pop_macro("STBI_REALLOC")
#pragma pop_macro("STBI_MALLOC")
#pragma pop_macro("STBI_ASSERT")
#pragma pop_macro("STBIDEF")
#pragma pop_macro("STB_IMAGE_STATIC")
#pragma pop_macro("STB_IMAGE_IMPLEMENTATION")
#pragma pop_macro("STBI_INCLUDE_STB_IMAGE_H")
