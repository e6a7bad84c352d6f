// The library's operators.
#include <weir/layers/build_network.ipp>
