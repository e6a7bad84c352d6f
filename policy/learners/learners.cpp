// The library's learners and their models.
#include <weir/policy/learners/gate_model.ipp>
#include <weir/policy/learners/learner.ipp>
#include <weir/policy/learners/models/foreign_model.ipp>
