// The main job: learns when to stop on one part of the data, and measures on another what that saves.
//
// A run is a sequence of steps, each of which returns a value that nothing changes afterwards:
//
//     options -> networks -> images -> members -> exits -> modes -> learned -> tested -> measured -> files
//
// The steps lie in adapt/; here they are called, and what they found is said.
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/io/report/printable.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/serve/bundle.hpp>
#include <weir/policy/trace/loss.hpp>

#include "adapt/check.hpp"
#include "adapt/copies.hpp"
#include "adapt/costs.hpp"
#include "adapt/head_size_choice.hpp"
#include "adapt/leading.hpp"
#include "adapt/learn.hpp"
#include "adapt/links.hpp"
#include "adapt/measure.hpp"
#include "adapt/modes.hpp"
#include "adapt/placement.hpp"
#include "adapt/ready_data.hpp"
#include "adapt/terminal.hpp"
#include "adapt/traces_out.hpp"
#include "adapt/write.hpp"
#include "crop_warning.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "results_folder.hpp"

namespace {

using adapt::Options;

void say(const std::string& text) {
  std::printf("%s\n", weir::detail::printable(text, true).c_str());
  std::fflush(stdout);
}

/// The networks with the 8-bit copies of them that are faster, and where each is left.
adapt::Members make_members(const Options& o, const adapt::Data& data, const adapt::Models& networks,
                            const std::vector<adapt::Heads>& exits, const program::ResultsFolder& out) {
  const adapt::Making making = adapt::making(o);
  if (!making.why.empty()) say("no 8-bit copies: " + making.why);
  std::vector<adapt::CopyTried> tried;
  for (std::size_t n = 0; making.int8 && n < networks.all.size(); ++n) {
    tried.push_back(adapt::make_copy(n, o, data.policy, networks, out));
    say(tried.back().line);
  }
  return adapt::with_copies(networks, exits, tried, data.policy, o);
}

/// The exits of all members with their places and heads.
std::vector<adapt::Heads> make_exits(const Options& o, const adapt::Data& data, const adapt::Members& members,
                                     const weir::Loss& loss, adapt::HeadStore& store) {
  std::vector<adapt::Heads> exits;
  for (adapt::Heads h : members.exits) {
    if (auto placed = adapt::place_exits(h, o, data, members.models, loss, store)) {
      say(placed->line);
      h.points = std::move(placed->points);
    }
    if (auto tried = adapt::choose_head_size(h, o, data, members.models, loss, store)) {
      say(adapt::sizes_line(*tried));
      h.sizes.push_back(std::move(*tried));
    }
    exits.push_back(adapt::fit_heads(std::move(h), store, data, members.models));
    if (const std::string line = adapt::exits_line(exits.back(), members.models); !line.empty()) say(line);
  }
  return exits;
}

/// From a mode whose topology is known to its policies.
adapt::LearnedMode learn_mode(adapt::Mode mode, const Options& o, const adapt::Data& data, const adapt::Models& models,
                              const weir::Loss& loss, adapt::HeadStore& store) {
  mode = adapt::choose_links(std::move(mode), o, data, models, loss, store);
  if (mode.links) say(adapt::links_line(mode.name, *mode.links));
  mode = adapt::with_offered_features(std::move(mode), o, data, models, loss);
  adapt::PricedMode priced = adapt::priced(std::move(mode), o, data, models, loss);
  say(priced.name + ": gates learn from " + priced.learned_from);
  adapt::Design design = adapt::design(std::move(priced), o, data, models);
  weir::Trace calibration = adapt::record(design.mode, o, models, data.calibration, loss);
  adapt::LearnedMode learned = adapt::learn(std::move(design), std::move(calibration), o, loss);
  if (!learned.repriced.empty()) say(learned.name + ": " + learned.repriced);
  if (!learned.tried.empty()) say(adapt::tried_line(learned.name, learned.tried, learned.prices.unit()));
  for (const std::string& note : learned.left_out) say(learned.name + ": " + note);
  return learned;
}

/// All modes but a search that finds the full network by itself, or what another mode learns anyway.
std::vector<adapt::LearnedMode> learn_modes(std::vector<adapt::Mode> modes, const Options& o, const adapt::Data& data,
                                            const adapt::Models& models, const weir::Loss& loss,
                                            adapt::HeadStore& store) {
  std::vector<adapt::LearnedMode> learned;
  std::string lead = o.lead;
  for (adapt::Mode& mode : modes) {
    if (mode.name == "search") {  // by confidence only: what else gates see is chosen for the topology that is found
      mode = adapt::search(adapt::priced(std::move(mode), o, data, models, loss), o, models);
      say("found: " + adapt::to_text(mode.spec->topology));
      if (mode.spec->stages.size() == 1) {
        if (lead == mode.name) lead = "auto";
        continue;
      }
      if (const adapt::Mode* same = adapt::same_cascade(modes, mode)) {
        say("search: that is " + same->name + ", learned once");
        if (lead == mode.name) lead = same->name;
        continue;
      }
    }
    learned.push_back(learn_mode(mode, o, data, models, loss, store));
  }
  if (learned.empty()) throw weir::ArgumentError("nothing to learn: nothing was found that saves something");
  return adapt::with_leader(std::move(learned), models.all.size() - 1, lead, o);
}

/// Exits, modes and their policies, learned on the policy part and chosen on the calibration part.
std::vector<adapt::LearnedMode> learn_all(const Options& o, const adapt::Data& data, const adapt::Members& members,
                                          const weir::Loss& loss) {
  const adapt::Models& models = members.models;
  const bool class_features = weir::detail::enough_examples(data.policy.labels(), models.n_classes());
  if (!class_features && models.n_classes() <= static_cast<std::size_t>(weir::detail::max_one_hot_classes))
    say("few images in some class: gates do not see which class was predicted");
  adapt::HeadStore store(o, data, models);  // holds activations of all images that heads are fitted to
  const std::vector<adapt::Heads> exits = make_exits(o, data, members, loss, store);
  std::vector<adapt::Mode> modes = adapt::make_modes(members, exits, class_features, o);
  adapt::check_lead(modes, o);
  if (adapt::has_heads(modes)) say(adapt::heads_line(data, o));
  return learn_modes(adapt::with_given_costs(std::move(modes), o), o, data, models, loss, store);
}

/// Records the modes on the test images, and saves the traces where that is asked for.
std::vector<adapt::TestedMode> test_modes(std::vector<adapt::LearnedMode> learned, const Options& o,
                                          const adapt::Data& data, const adapt::Models& models, const weir::Loss& loss,
                                          const program::ResultsFolder* traces, const program::Run& id) {
  std::vector<adapt::TestedMode> tested;
  for (adapt::LearnedMode& m : learned) {
    weir::Trace test = adapt::at_prices(adapt::record(m, o, models, data.test, loss), m.prices);
    tested.push_back({std::move(m), std::move(test)});
    if (traces) adapt::save_traces(tested.back(), *traces, id);
  }
  return tested;
}

/// Says and writes what was found out.
void publish(const adapt::Results& results, const nlohmann::json& other, program::ResultsFolder& out) {
  const Options& o = results.options;
  say(adapt::results_text(results));
  const nlohmann::json summary = adapt::summary_json(results);
  const auto compared = o.compare.empty() ? std::vector<adapt::Compared>() : adapt::compare(summary, other);
  if (!compared.empty()) say("\nbeside " + o.compare + ":\n" + adapt::table_text(adapt::compared_table(compared)));
  adapt::write_results(results, summary, compared, out);
  out.commit();
  if (!o.bundle.empty())
    weir::write_bundle(o.bundle, adapt::policy_files(results, out), {.folder = {}, .allow_outside = true});
  say("\n" + adapt::written_text(results, out));
}

void run(const Options& given, const std::string& command) {
  const Options o = adapt::completed(given);
  const weir::Loss loss(o.loss);
  const program::Run id = program::Run::begin(command);
  // What can be wrong is looked at before anything that takes long: models, places for the results, labels, one image.
  const adapt::Models read(o);
  const nlohmann::json other = o.compare.empty() ? nlohmann::json() : adapt::read_summary(o.compare);
  const std::vector<adapt::Heads> exits = adapt::choose_all_exits(o, read);
  adapt::check(read, exits, o);
  program::ResultsFolder out(o.out, adapt::is_result);
  std::optional<program::ResultsFolder> traces_apart;
  if (!o.save_traces.empty() && !adapt::same_folder(o.save_traces, o.out))
    traces_apart.emplace(o.save_traces, adapt::is_trace);
  const adapt::Data loaded = adapt::load_data(o);
  adapt::check_images(loaded, read, o);
  program::say_warnings(read.crop_warnings(loaded.parts()));
  const adapt::Models networks = adapt::with_logits(read, loaded.policy);

  const adapt::Data data = adapt::ready(loaded, o, networks);
  say(adapt::data_line(data, o, networks));
  const adapt::Members members = make_members(o, data, networks, exits, out);
  std::vector<adapt::LearnedMode> learned = learn_all(o, data, members, loss);

  // Everything is decided; only now are the test images looked at.
  const program::ResultsFolder* traces = o.save_traces.empty() ? nullptr : traces_apart ? &*traces_apart : &out;
  const std::vector<adapt::TestedMode> modes =
      test_modes(std::move(learned), o, data, members.models, loss, traces, id);
  if (traces_apart) traces_apart->commit();
  const std::vector<adapt::Measured> measured =
      adapt::measure(adapt::contestants(o, data, members.models, modes), data.test, loss, o.rounds, o.costs.batch);
  publish({o, data, members.models, modes, measured, id}, other, out);
}

}  // namespace

int weir::programs::adapt(int argc, char** argv) {
  program::App app{
      "Learns when an image may stop, in a cascade of networks or inside one, and measures what that saves.\n"
      "Without options: Fashion-MNIST with the networks of bench/networks.",
      "  @ --network small.onnx large.onnx --preprocess models.json --images folder/ --labels labels.csv\n"
      "  @ --network large.onnx --preprocess models.json --images folder/ --labels none --max-loss 0.02 \\\n"
      "      --out results --bundle bundle\n"};
  Options o;
  adapt::declare(app, o);
  std::string command;
  for (int i = 0; i < argc; ++i) command += (i ? " " : "") + std::string(argv[i]);
  return program::run(app, argc, argv, [&] { ::run(o, command); });
}
