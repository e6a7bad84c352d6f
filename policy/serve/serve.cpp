// The library's part of policy/serve.
#include <weir/policy/serve/audit.ipp>
#include <weir/policy/serve/bundle.ipp>
#include <weir/policy/serve/cascade.ipp>
#include <weir/policy/serve/cascade_audit.ipp>
#include <weir/policy/serve/cascade_inputs.ipp>
#include <weir/policy/serve/cascade_stream.ipp>
#include <weir/policy/serve/merge_trace_shards.ipp>
#include <weir/policy/serve/record_images.ipp>
#include <weir/policy/serve/stored_cascade.ipp>
#include <weir/policy/serve/trace_files.ipp>
#include <weir/policy/serve/trace_shard.ipp>
