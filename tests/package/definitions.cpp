// The one source of a program that holds weir's definitions, as with stb and doctest.
#define WEIR_IMPLEMENTATION
#include <weir/core/executor.hpp>
#include <weir/load_onnx.hpp>
