// The library's comparison of policies.
#include <weir/policy/compare/baselines.ipp>
#include <weir/policy/compare/calibration.ipp>
#include <weir/policy/compare/calibration_metrics.ipp>
#include <weir/policy/compare/oracle.ipp>
#include <weir/policy/compare/rules/list.ipp>
