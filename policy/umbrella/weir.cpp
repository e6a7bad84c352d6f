// The library's functions that need all folders.
#include <weir/load_onnx.ipp>
