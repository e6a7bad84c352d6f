// The library's part of policy/serve.
#include <weir/policy/serve/cascade.ipp>
#include <weir/policy/serve/cascade_stream.ipp>
