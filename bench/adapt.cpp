// The main job: learns when to stop on one part of the data, and measures on another what that saves.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <weir/core/isa.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/serve/bundle.hpp>
#include <weir/policy/trace/loss.hpp>

#include "adapt/advice.hpp"
#include "adapt/check.hpp"
#include "adapt/copies.hpp"
#include "adapt/copies_text.hpp"
#include "adapt/costs.hpp"
#include "adapt/learn.hpp"
#include "adapt/limits.hpp"
#include "adapt/links.hpp"
#include "adapt/no_labels.hpp"
#include "adapt/placement.hpp"
#include "adapt/policy_out.hpp"
#include "adapt/report/decisions.hpp"
#include "adapt/report/page.hpp"
#include "adapt/search.hpp"
#include "adapt/terminal.hpp"
#include "adapt/traces_out.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "results_folder.hpp"

namespace {

using adapt::Options;

void say(const std::string& text) {
  std::printf("%s\n", weir::detail::printable(text, true).c_str());
  std::fflush(stdout);
}

/// False where there is nothing to choose between.
bool learn_and_choose(adapt::Mode& m, const Options& o, const adapt::Data& data, adapt::Models& models,
                      const weir::Loss& loss, adapt::HeadStore& store) {
  if (m.name == "search") {  // by confidence only: what else gates see is chosen for the topology that is found
    adapt::find_costs(m, o, data, models);
    m.policy = adapt::record(m, o, models, data.policy, loss, true);
    adapt::take_lessons(m, o, loss);
    adapt::search(m, o, models);
    say("found: " + adapt::to_text(m.spec->topology));
    if (m.spec->stages.size() == 1) return false;
  }
  adapt::choose_links(m, o, data, models, loss, store);
  if (m.links) say(adapt::links_line(m));
  adapt::offer_features(m, o, data, models, loss);
  adapt::find_costs(m, o, data, models);
  m.policy = adapt::record(m, o, models, data.policy, loss, true);
  adapt::take_lessons(m, o, loss);
  say(m.name + ": gates learn from " + m.learned_from);
  m.calibration = adapt::record(m, o, models, data.calibration, loss);
  adapt::learn(m, o, loss, data, models);
  if (!m.repriced.empty()) say(m.name + ": " + m.repriced);
  if (!m.tried.empty()) say(adapt::tried_line(m));
  for (const std::string& note : m.left_out) say(m.name + ": " + note);
  return true;
}

void run(Options o, const std::string& command) {
  adapt::fill_defaults(o);
  adapt::check(o);
  const bool no_labels = o.labels == adapt::no_labels;
  if (no_labels && o.learn_from == "auto") o.learn_from = "labels";  // they are certain: nothing is expected over
  const adapt::Making making = adapt::making(o);
  if (o.early_exit.empty() && making.exits) o.early_exit.emplace_back();
  if (o.quick) {
    o.rounds = 1;
    if (o.measure == 0) o.measure = 1000;
  }
  const weir::Loss loss(o.loss);
  const program::Run id = program::Run::begin(command);
  // What can be wrong is looked at before anything that takes long: models, places for the results, labels, one image.
  adapt::Models models(o);
  adapt::check_batch(models, o);
  const nlohmann::json other = o.compare.empty() ? nlohmann::json() : adapt::read_summary(o.compare);
  adapt::check(models, o);
  adapt::check_making(making, o, models);
  std::vector<adapt::Heads> heads;
  for (const std::string& network : o.early_exit) heads.push_back(adapt::choose_exits(network, o, models));
  adapt::check_cost_table(heads, o, models);
  if (!o.bundle.empty()) weir::detail::check_bundle_folder(o.bundle);
  program::ResultsFolder out(o.out, adapt::is_result);
  std::optional<program::ResultsFolder> traces;
  if (!o.save_traces.empty() && !adapt::same_folder(o.save_traces, o.out))
    traces.emplace(o.save_traces, adapt::is_trace);
  adapt::Data data = adapt::load_data(o);
  const std::size_t classes = models.n_classes();
  for (const adapt::Part* p : {&data.heads, &data.policy, &data.calibration, &data.test}) {
    if (p->size() == 0) continue;
    if (!no_labels) models.check_labels(*p);
    models.try_first_image(*p);
  }
  models.find_logits(data.policy);
  if (!no_labels) adapt::check_further(o, data, classes);
  adapt::decode_all(data);
  if (no_labels)
    for (adapt::Part* p : {&data.heads, &data.policy, &data.calibration, &data.test})
      adapt::label_by_full_network(*p, o, models);
  if (no_labels) adapt::check_further(o, data, classes);
  say(data.name + ": policy " + std::to_string(data.policy.size()) + ", calibration " +
      std::to_string(data.calibration.size()) + ", test " + std::to_string(data.test.size()) + " images, " +
      std::to_string(classes) + " classes; split by seed " + std::to_string(o.seed));
  const bool one_network = models.all.size() == 1;
  adapt::make_members(making, o, data.policy, models, heads, out, say);
  if (o.quick && data.heads.size() > 5000) data.heads.rows.resize(5000);
  const bool class_features = weir::detail::enough_examples(data.policy.labels(), classes);
  if (!class_features && classes <= static_cast<std::size_t>(weir::detail::max_one_hot_classes))
    say("few images in some class: gates do not see which class was predicted");

  std::vector<adapt::Mode> modes;
  if (models.all.size() > 1) modes.push_back(adapt::selection_mode(o, models, class_features));
  auto store = std::make_unique<adapt::HeadStore>(o, data, models);
  for (adapt::Heads& h : heads) {
    adapt::place_exits(h, o, data, models, loss, *store, say);
    adapt::fit_heads(h, *store, data, models);
    if (h.points.empty())
      say("no early exits in " + models.all[h.model].name + ": " + h.reason);
    else if (models.all[h.model].copy_of.empty())  // exits of a copy are for the search: fp32 is the full network
      modes.push_back(adapt::early_exit_mode(h, models, class_features, o.early_exit.size() > 1));
    else
      say(adapt::exits_of_copy_line(h, models));
  }
  if (o.topology == "search")  // of one network and what was made of it, what is found is the policy.json
    modes.insert(one_network ? modes.begin() : modes.end(), adapt::pool_mode(heads, models, class_features));
  if (modes.empty()) throw weir::ArgumentError("nothing to learn: one network and no early exits");
  if (adapt::has_heads(modes))
    say("exit heads: " + (data.heads.size() > 0
                              ? "trained on " + std::to_string(data.heads.size()) + " further images"
                              : "cross-fitted on the policy part, " + std::to_string(o.folds) + " folds"));
  adapt::take_costs_from_table(modes, o);
  std::erase_if(modes, [&](adapt::Mode& m) { return !learn_and_choose(m, o, data, models, loss, *store); });
  store.reset();  // activations of all images that heads were fitted to

  // Everything is decided; only now are the test images looked at.
  for (adapt::Mode& m : modes) {
    m.test = adapt::record(m, o, models, data.test, loss);
    if (!o.save_traces.empty()) adapt::save_traces(m, traces ? *traces : out, id);
  }
  if (traces) traces->commit();
  auto contestants = adapt::contestants(o, data, models, modes);
  adapt::measure(contestants, data.test, loss, o.rounds, o.costs.batch);

  const adapt::Results results{o, data, models, modes, contestants, id};
  say("");
  adapt::print(adapt::main_table(results));
  for (const adapt::Mode& m : modes) {
    say("\n" + m.name + " (" + m.learner + "): " + adapt::budget_line(results, m) + "\n" +
        adapt::timing_line(results, m));
    if (const std::string cost = adapt::cost_line(results, m); !cost.empty()) say(cost);
    for (const adapt::LimitShown& limit : adapt::shown_limits(results, m)) say(adapt::limit_line(limit));
    adapt::print(adapt::exit_table(results, m));
  }
  if (const std::string text = adapt::copy_alone_text(results); !text.empty()) say("\n" + text);
  say("");
  for (const std::string& sentence : adapt::advice(results)) say("- " + sentence);
  nlohmann::json summary = adapt::summary_json(results);
  summary["advice"] = adapt::advice_json(results);
  summary["limits"] = adapt::limits_json(results);
  summary["members"] = adapt::members_json(models);
  const auto compared = o.compare.empty() ? std::vector<adapt::Compared>() : adapt::compare(summary, other);
  if (!compared.empty()) {
    say("\nbeside " + o.compare + ":");
    adapt::print(adapt::compared_table(compared));
  }
  weir::write_file_atomically(out.path("summary.json"), adapt::to_text(summary));
  weir::write_file_atomically(out.path("curve.csv"), adapt::curve_csv(results));
  weir::write_file_atomically(
      out.path("tradeoff.svg"),
      program::svg_of_run(
          adapt::tradeoff_plot(adapt::Page(results), 720, 430, "Accuracy against measured time, " + data.name).svg(),
          id));
  std::string policies;
  std::vector<std::filesystem::path> written;
  for (const adapt::Mode& m : modes) {
    const std::string end = &m == &modes.front() ? "" : "_" + m.name, name = "policy" + end + ".json";
    weir::write_file_atomically(out.path("decisions" + end + ".csv"), adapt::decisions_csv(results, m));
    adapt::write_policy(results, m, out.path(name), out.folder() / name);
    policies += ", " + name;
    written.push_back(out.folder() / name);
  }
  for (const adapt::MadeCopy& copy : models.made_copies)
    if (copy.kept) policies += ", " + copy.file;
  weir::write_file_atomically(out.path("report.html"), adapt::report_html(results, compared));
  out.commit();
  if (!o.bundle.empty()) weir::write_bundle(o.bundle, written, {.folder = {}, .allow_outside = true});
  const bool outside = std::ranges::any_of(models.all, [&](const adapt::Model& m) {
    return *std::filesystem::proximate(m.file, out.folder()).begin() == "..";
  });
  say("\nwritten to " + std::filesystem::absolute(out.folder()).lexically_normal().string() +
      ": report.html (open it in a browser), summary.json, curve.csv, decisions.csv" + policies +
      (!o.bundle.empty()
           ? "\nto be copied elsewhere: " + std::filesystem::absolute(o.bundle).lexically_normal().string() +
                 ": the policies, their networks, and main.cpp, which runs them"
       : outside ? "\nthe policies name networks outside this folder: programs that load them say --networks DIR or "
                   "--allow-outside (CascadeOptions); --bundle DIR puts all of it into one folder"
                 : ""));
}

}  // namespace

int weir::programs::adapt(int argc, char** argv) {
  program::App app{
      "Learns when an image may stop, in a cascade of networks or inside one, and measures what that saves.\n"
      "Without options: Fashion-MNIST with the networks of bench/networks."};
  Options o;
  adapt::declare(app, o);
  std::string command;
  for (int i = 0; i < argc; ++i) command += (i ? " " : "") + std::string(argv[i]);
  return program::run(app, argc, argv, [&] { ::run(o, command); });
}
