/// A policy that was learned elsewhere, from its file, on images of its source and of others.
#pragma once
#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/measure/record_trace.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/not_finite.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/run/shift_reference.hpp>
#include <weir/policy/serve/stored_cascade.hpp>
#include <weir/policy/trace/loss.hpp>

#include "../policy_inputs.hpp"
#include "audits.hpp"
#include "options.hpp"
#include "sources.hpp"

namespace shift {

/// theta of a policy file, as Cascade has it: the upper limit of how often the policy disagreed on its calibration
/// images. Throws ArgumentError where the file does not say.
inline double theta_of(const weir::PolicyFile& file, const std::string& path, double confidence) {
  const auto reference = file.watch.is_null() ? weir::ShiftReference() : file.watch.get<weir::ShiftReference>();
  const double limit =
      reference.n > 0 ? weir::clopper_pearson_upper(reference.disagreements, reference.n, confidence) : 1;
  if (limit >= 1)
    throw weir::ArgumentError(path +
                              ": does not say how often the policy disagreed with the full network on its "
                              "calibration images: say --audit-budget");
  return limit;
}

/// Records what the policy's stages answer on the images, and audits it in simulated streams. Control is --images (the
/// test images of Fashion-MNIST where nothing is said), of which none may have served to learn or certify the policy.
inline AuditStudy audit_policy(const Options& o) {
  const weir::PolicyFile file = weir::detail::read_policy_file(o.policy);
  const weir::detail::StoredCascade stored = weir::detail::read_cascade(file, o.policy, {o.networks, o.allow_outside});
  const std::size_t classes = stored.spec->n_classes();
  adapt::check_loss(o.adapt.loss, classes);
  const bool given = o.audits.budget > 0;
  const double theta = given ? o.audits.budget : theta_of(file, o.policy, o.audits.confidence);
  const std::vector<Corruption> corruptions = asked_corruptions(o);
  check_shifted_labels(o);
  const auto check = [&](const adapt::Part& part) {
    weir::detail::check_labels(part.labels(), classes, o.policy,
                               [&](std::size_t i) { return part.set->label_where(part.rows[i]); });
  };
  const std::string base = "/usr/share/datasets/fashion-mnist/t10k-";
  adapt::Part control =
      o.adapt.images.empty()
          ? adapt::load_part(base + "images-idx3-ubyte.gz", base + "labels-idx1-ubyte.gz")
          : adapt::load_part(o.adapt.images, o.adapt.labels, adapt::class_names(o.adapt.classes, o.adapt.preprocess));
  check(control);
  adapt::shuffle(control.rows, o.adapt.seed + 1);
  control = first_rows(std::move(control), o.examples);
  if (control.set->is_files()) control.set->decode_all();
  auto others = other_parts(o, corruptions, control, check);
  others.insert(others.begin(), {"same source", std::move(control)});

  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  weir::CascadeExecutor executor(stored.spec, weir::Context({.threads = std::clamp(cores, 1, 64), .isa = o.adapt.isa}));
  std::vector<weir::StageCost> costs;
  for (const weir::PolicyFile::Stage& s : file.stages) costs.push_back({s.cost, s.answer_cost});
  const weir::Loss loss(o.adapt.loss);
  std::vector<Audited> sources;
  program::ProgressLine progress("recording");
  for (const auto& [name, part] : others) {
    program::PolicyInputs inputs(stored, part, part.size());
    try {
      sources.push_back(audited(
          name, weir::record_trace(executor, inputs.maker(), part.labels(), loss, costs, file.cost_unit), file.policy));
    } catch (const weir::NotFiniteError& e) {
      throw e.at("image '" + part.set->name(part.rows[e.row()]) + "'");
    }
    progress(sources.size(), others.size());
  }
  return audit_study(std::move(sources), theta,
                     given ? "--audit-budget" : "the policy file's, from its calibration images", o.audits);
}

}  // namespace shift
