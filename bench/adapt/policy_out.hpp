/// policy.json: what a program needs to stop where this run learned to.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/known_names.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/choose/budget_json.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/watched_reference.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "learn.hpp"
#include "machine.hpp"
#include "preprocess_entry.hpp"
#include "results.hpp"

namespace adapt {

/// Policies to go to where the chosen one is found to lose too much: those of the curve with a smaller budget, each
/// with at most 0.8 times the disagreement of the one before on the calibration part, and the full network at the end.
inline std::vector<weir::Policy> safer_policies(const TestedMode& m, double budget) {
  const auto disagreement = [&](const auto& policy) {
    return weir::risk_of(m.calibration, weir::evaluate(policy, m.calibration), weir::Risk::disagreement).mean();
  };
  std::vector<weir::Policy> all;
  double least = disagreement(m.learned.choice.policy);
  for (auto point = m.curve.rbegin(); point != m.curve.rend(); ++point) {
    if (point->budget >= budget) continue;
    for (const weir::Policy* policy : {&point->choice.policy.a, &point->choice.policy.b})
      if (const double d = disagreement(*policy); d > 0 && d <= 0.8 * least) {
        all.push_back(*policy);
        least = d;
      }
  }
  if (least > 0) all.push_back(weir::detail::fixed_policy(m.spec->topology, m.calibration, m.calibration.full()));
  return all;
}

/// Network paths are written relative to the folder that the file will lie in.
inline weir::PolicyFile policy_file(const Results& r, const TestedMode& m, const std::filesystem::path& folder) {
  const Options& o = r.options;
  weir::PolicyFile file;
  file.policy = m.learned.choice.policy;
  file.cost_unit = m.prices.unit();
  file.lambda_a = m.learned.choice.lambda_a;
  file.lambda_b = m.learned.choice.lambda_b;
  for (std::size_t k = 0; k < m.spec->stages.size(); ++k) {
    const weir::CascadeStage& s = m.spec->stages[k];
    weir::PolicyFile::Stage stage;
    stage.feature_names = m.spec->feature_names(k);
    stage.cost = m.costs()[k].cost;
    stage.answer_cost = m.costs()[k].answer_cost;
    if (s.head) stage.exit_head = *s.head;
    stage.source = weir::detail::source_to_json(s, m.spec->feature_options.has("pooled"));
    file.stages.push_back(std::move(stage));
  }
  file.cascade = {{"n_classes", m.spec->n_classes()}, {"networks", nlohmann::json::array()}};
  for (const std::size_t n : m.nets) {
    const Model& model = r.models.all[n];
    nlohmann::json network = weir::detail::network_to_json(model.network, model.present_file(), folder,
                                                           preprocess_entry(o.preprocess, model.given_file()));
    if (!model.staged.empty()) network["file"] = std::filesystem::path(model.file).filename().string();
    file.cascade["networks"].push_back(std::move(network));
  }
  weir::Budget budget;
  budget.on = budget_on(o.budget);
  budget.value = o.max_loss;
  budget.margin = m.certified ? weir::Margin::upper_limit : weir::Margin::none;
  budget.confidence = o.confidence;
  file.budget = weir::detail::budget_json(budget, m.learned.choice, m.prices.unit());
  file.watch = weir::shift_reference(m.learned.choice.policy, m.calibration);
  file.safer = safer_policies(m, o.max_loss);
  file.provenance = {{"run", r.run.id},
                     {"mode", m.name},
                     {"dataset", r.data.name},
                     {"images", o.images},
                     {"labels", o.labels},
                     {"head_images", o.head_images},
                     {"n_heads", r.data.heads.size()},
                     {"n_policy", r.data.policy.size()},
                     {"n_calibration", r.data.calibration.size()},
                     {"n_test", r.data.test.size()},
                     {"learner", m.learner},
                     {"learned_from", m.learned_from},
                     {"features", m.spec->feature_options.groups},
                     {"head_sizes", sizes_json(m.sizes)},
                     {"loss", o.loss},
                     {"also", o.also},
                     {"given_exit", o.given_exit},
                     {"seed", o.seed},
                     {"costs", o.costs.kind},
                     {"batch", m.prices.batch},
                     {"threads", o.threads},
                     {"machine", machine()},
                     {"compiler", compiler()},
                     {"command", r.run.command}};
  return file;
}

/// Writes the file, reads it again, and makes sure that what was read runs, and decides as what was measured. path:
/// where it is written; place: where it will lie, which its networks are relative to.
inline void write_policy(const Results& r, const TestedMode& m, const std::filesystem::path& path,
                         const std::filesystem::path& place) {
  const std::string text = weir::to_text(policy_file(r, m, place.parent_path()));
  weir::write_file_atomically(path, text);
  const weir::detail::Bytes bytes = weir::detail::read_file(path);
  const weir::PolicyFile back = weir::policy_from_text({bytes.data(), bytes.size()}, path.string());
  weir::PolicyFile now = back;  // copies do not lie yet where the file will find them
  for (std::size_t n = 0; n < m.nets.size(); ++n)
    if (const Model& model = r.models.all[m.nets[n]]; !model.staged.empty())
      now.cascade["networks"][n]["file"] =
          std::filesystem::proximate(model.staged, place.parent_path().empty() ? "." : place.parent_path())
              .generic_string();
  const weir::detail::StoredCascade stored =
      weir::detail::read_cascade(now, place, {{}, true});  // those named on the command line may lie anywhere
  for (std::size_t n = 0; n < m.nets.size(); ++n) stored.spec->network(n);
  const weir::Evaluation before = weir::evaluate(m.learned.choice.policy, m.test);
  if (weir::evaluate(back.policy, m.test).exit != before.exit)
    throw weir::FormatError(path.string() + ": decides otherwise than the policy that was written");
}

}  // namespace adapt
