// The library's quantiser.
#include <weir/policy/quantize/quantize.ipp>
