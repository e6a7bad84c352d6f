/// Refuses compiler flags that take checks for NaN and infinity out of the program.
#pragma once

// weir promises that NaN and infinity pass through networks as they do elsewhere, and refuses them in data. With these
// flags std::isfinite(x) is compiled to `true`, without a word.
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error \
    "weir: -ffast-math, -Ofast and -ffinite-math-only remove the checks for NaN and infinity that weir relies on. \
Compile the sources that include weir without them, or add -fno-finite-math-only behind them."
#endif
