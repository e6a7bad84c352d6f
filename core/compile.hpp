/// How weir is compiled: three ways, each chosen by one definition that all sources of a program share.
///
///   definition                what headers hold          where the rest comes from
///   none                      declarations               the library: target_link_libraries(you PRIVATE weir::weir),
///                                                         which is optimised whatever your flags are
///   WEIR_IMPLEMENTATION       declarations everywhere,   the one source that defines it before its first include
///                             definitions in one source
///   WEIR_HEADER_ONLY          all of it, inline          every source (target weir::header_only)
///
/// Headers (.hpp) declare; what takes long to compile is defined in .ipp files beside them. Results are equal to the
/// last bit in all three where the flags are.
#pragma once

#if defined(WEIR_HEADER_ONLY) && defined(WEIR_IMPLEMENTATION)
#error \
    "weir: define WEIR_HEADER_ONLY (everything inline, in every source) or WEIR_IMPLEMENTATION (in one source), not both"
#endif

#if defined(WEIR_HEADER_ONLY)
#define WEIR_INLINE inline
#define WEIR_DEFINITIONS 1
#elif defined(WEIR_IMPLEMENTATION)
#define WEIR_INLINE
#define WEIR_DEFINITIONS 1
#else
#define WEIR_INLINE
#define WEIR_DEFINITIONS 0
#endif

#if WEIR_DEFINITIONS && defined(__GNUC__) && !defined(__OPTIMIZE__) && !defined(WEIR_UNOPTIMISED)
#pragma message(                                                                                       \
    "weir is compiled here without optimisation and will run many times slower: add -O2 "              \
    "(CMake: -DCMAKE_BUILD_TYPE=Release), or link the library weir::weir, which is always optimised; " \
    "WEIR_UNOPTIMISED silences this")
#endif
