#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/run/shift_reference.hpp>
#include <weir/policy/serve/audit.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_stream.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "stored_toys.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::TempFolder;
using weir::AuditFigures, weir::AuditOptions, weir::Cascade, weir::Decision;

namespace {

weir::CascadeOptions audited(const AuditOptions& audit) {
  weir::CascadeOptions o = stored_toys::anywhere();
  o.audit = audit;
  return o;
}

struct Toys {
  TempFolder folder;
  weir::PolicyFile file = stored_toys::file(folder.path());
  std::vector<weir::Image> images = stored_toys::images(60);
  std::vector<weir::ImageView> views = stored_toys::views(images);

  Toys() {  // what comes after the mix: one that errs like it, then the full network
    const weir::Policy careful = file.policy.a;
    weir::Policy full = careful;
    for (std::size_t k = 0; k < 2; ++k) full.gates[k] = weir::Gate::constant(1, 2, file.inputs().size(k));
    file.safer = {careful, full};
  }
  Cascade cascade(const weir::CascadeOptions& o) const { return {file, folder / "p.json", o}; }

  /// What the full network says, by running every image all the way.
  std::vector<int> full() const {
    weir::PolicyFile all = file;
    all.policy = weir::MixedPolicy::pure(file.safer.back());
    std::vector<int> labels;
    for (const Decision& d : Cascade(all, folder / "p.json", stored_toys::anywhere()).run(views))
      labels.push_back(d.label);
    return labels;
  }
};

std::uint64_t disagreements(const std::vector<Decision>& decisions, const std::vector<int>& full, std::uint64_t seed,
                            double share) {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < full.size(); ++i)
    if (weir::detail::counter_uniform(seed, i) < share) n += decisions[i].label != full[i] ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("Cascade: audits find what the full network says, in every way to run, in the background or not") {
  for (const bool joins : {false, true}) {
    Toys t;
    if (joins) t.file.stages[2].source["join"] = "mean";
    const std::vector<int> full = t.full();
    for (const bool background : {true, false})
      for (const double share : {1.0, 0.4}) {
        if (joins && (background || share < 1)) continue;
        const AuditOptions options{.share = share, .budget = 0.9, .seed = 5, .background = background, .waiting = 60};
        const Cascade single = t.cascade(audited(options)), batch = t.cascade(audited(options)),
                      tensors = t.cascade(audited(options)), stream = t.cascade(audited(options));
        std::vector<Decision> decisions;
        for (const auto& view : t.views) decisions.push_back(single.run(view));
        batch.run(t.views);
        weir::Tensor x(weir::Shape{60, 1, 28, 28});
        weir::Preprocess::Scratch scratch;
        for (std::size_t i = 0; i < 60; ++i)
          tensors.stored().networks[0].preprocess->apply(t.views[i], x.data() + i * 784, scratch);
        tensors.run(x);
        {
          // One by one, and one worker where the order says which are audited: an answer is given before it is counted.
          const int workers = share == 1 ? 2 : 1;
          weir::CascadeStream images(stream, {.batch = 8, .in_flight = 16, .max_wait_s = 0.001, .workers = workers});
          for (const auto& image : t.images) images.submit(image).wait();
        }
        for (const Cascade& c : {single, batch, tensors, stream}) {
          c.finish_audits();
          const AuditFigures f = c.audit().value();
          CHECK(f.images == 60);
          CHECK(f.waiting == 0);
          CHECK(f.failed == 0);
          CHECK(f.skipped == 0);
          if (share == 1) CHECK(f.audits == 60);
          CHECK(f.audit_seconds > 0);
          CHECK(f.seconds_per_image() > f.audit_seconds_per_image());
        }
        CHECK(single.audit()->disagreements == disagreements(decisions, full, 5, share));
        CHECK(batch.audit()->disagreements == single.audit()->disagreements);
        CHECK(stream.audit()->disagreements == single.audit()->disagreements);
        CHECK(batch.audit()->audits == single.audit()->audits);
        CHECK(tensors.audit()->audits == single.audit()->audits);  // its ids, and so its mix, are others
        if (share == 1) CHECK(single.audit()->disagreements > 0);  // else the test has seen too little
      }
  }
}

TEST_CASE("Cascade: on an alarm a safer policy comes into force if the callback says so, once each, to the last") {
  Toys t;
  std::vector<AuditFigures> said;
  AuditOptions options{.share = 1, .budget = 0.001, .confidence = 0.5, .background = false};
  options.on_alarm = [&](const AuditFigures& f) {
    said.push_back(f);
    return true;
  };
  const Cascade cascade = t.cascade(audited(options));
  CHECK(cascade.policy() == t.file.policy);
  for (int round = 0; round < 30 && cascade.audit()->policy < 2; ++round)
    for (const auto& view : t.views) cascade.run(view);
  REQUIRE(said.size() == 2);
  CHECK(said[0].policy == 0);
  CHECK(said[0].alarm);
  CHECK(said[0].safer == 2);
  CHECK(said[1].policy == 1);
  CHECK(cascade.policy().a == t.file.safer.back());
  CHECK(!cascade.audit()->alarm);
  const std::uint64_t before = cascade.audit()->total_images;
  for (const auto& view : t.views) CHECK(cascade.run(view).exit == "googlenet");
  const AuditFigures f = cascade.audit().value();
  CHECK(f.disagreements == 0);
  CHECK(f.policy == 2);
  CHECK(f.total_images == before + 60);
  CHECK(!cascade.to_safer());
  // Without a callback the policy stays; by hand it goes.
  options.on_alarm = {};
  const Cascade stays = t.cascade(audited(options));
  for (int round = 0; round < 5; ++round) stays.run(t.views);
  CHECK(stays.audit()->alarm);
  CHECK(stays.audit()->policy == 0);
  CHECK(stays.to_safer());
  CHECK(stays.policy().a == t.file.safer.front());
  CHECK(t.cascade(stored_toys::anywhere()).to_safer());
  // What a callback throws is not a decision.
  options.on_alarm = [](const AuditFigures&) -> bool { throw 7; };
  const Cascade throws = t.cascade(audited(options));
  for (int round = 0; round < 5; ++round) throws.run(t.views);
  CHECK(throws.audit()->policy == 0);
}

TEST_CASE("Cascade: finish_audits waits for what on_alarm says, and on_alarm may drop the cascade that asks it") {
  Toys t;
  AuditOptions options{.share = 1, .budget = 0.001, .confidence = 0.5};
  std::atomic<bool> is_answered = false;
  options.on_alarm = [&](const AuditFigures& f) {
    if (f.policy > 0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    is_answered = true;
    return true;
  };
  const Cascade slow = t.cascade(audited(options));
  for (int round = 0; round < 5; ++round) slow.run(t.views);
  slow.finish_audits();
  CHECK(is_answered);
  CHECK(slow.audit()->policy > 0);

  std::optional<Cascade> held;
  std::promise<void> dropped;
  options.on_alarm = [&](const AuditFigures&) {
    held.reset();
    dropped.set_value();
    return false;
  };
  held.emplace(t.cascade(audited(options)));
  std::future<void> end = dropped.get_future();
  {
    const Cascade copy = *held;
    for (int round = 0; round < 5; ++round) copy.run(t.views);
  }
  REQUIRE(end.wait_for(std::chrono::seconds(60)) == std::future_status::ready);
}

TEST_CASE("Cascade: audits go on from a stored state; another policy begins anew, other options are refused") {
  Toys t;
  AuditOptions options{.share = 0.5, .budget = 0.3, .seed = 2, .background = false};
  const Cascade whole = t.cascade(audited(options));
  whole.run(t.views);
  whole.run(t.views);
  CHECK_THROWS_AS(whole.save_audit(), weir::ArgumentError);
  CHECK_THROWS_AS(t.cascade(stored_toys::anywhere()).save_audit(), weir::ArgumentError);
  options.state = t.folder / "audit.json";
  {
    const Cascade first = t.cascade(audited(options));
    first.run(t.views);
    first.save_audit();
  }
  const Cascade second = t.cascade(audited(options));
  CHECK(second.audit()->images == 60);
  second.run(t.views);
  const AuditFigures a = whole.audit().value(), b = second.audit().value();
  CHECK(a.audits == b.audits);
  CHECK(a.disagreements == b.disagreements);
  CHECK(a.upper_limit == b.upper_limit);
  CHECK(a.alarm == b.alarm);
  second.to_safer();
  second.save_audit();
  CHECK(t.cascade(audited(options)).policy().a == t.file.safer.front());  // what was found out is not forgotten
  AuditOptions other = options;
  other.share = 0.4;
  CHECK(contains(message_of<weir::ArgumentError>([&] { t.cascade(audited(other)); }), "audit.json"));
  other = options;
  other.budget = 0.2;
  CHECK_THROWS_AS(t.cascade(audited(other)), weir::ArgumentError);
  Toys changed;
  changed.file.policy.seed = 4;
  const AuditFigures anew = Cascade(changed.file, changed.folder / "p.json", audited(other)).audit().value();
  CHECK(anew.policy == 0);
  CHECK(anew.images == 0);
  CHECK(anew.total_images == 120);
  const nlohmann::json good = nlohmann::json::parse(weir::detail::read_file(options.state));
  for (const auto& item : good.items()) {
    nlohmann::json bad = good;
    bad.erase(item.key());
    weir::write_file_atomically(options.state, bad.dump());
    CHECK_THROWS_AS(t.cascade(audited(options)), weir::FormatError);
    for (const nlohmann::json& value : {nlohmann::json(-1), nlohmann::json::array(), nlohmann::json("x")}) {
      if (item.key() == "policy" && value.is_string()) continue;  // another policy's name
      bad[item.key()] = value;
      weir::write_file_atomically(options.state, bad.dump());
      CHECK_THROWS_AS(t.cascade(audited(options)), weir::Error);
    }
  }
  weir::write_file_atomically(options.state, "no JSON");
  CHECK_THROWS_AS(t.cascade(audited(options)), weir::FormatError);
}

TEST_CASE("Cascade: an audit that cannot be made is counted, and costs no answer; too many at once are skipped") {
  const Toys t;
  std::filesystem::create_directory(t.folder / "nets");
  for (const char* name : {"fashion_alexnet.onnx", "fashion_googlenet.onnx"})
    std::filesystem::copy_file(stored_toys::networks() / name, t.folder / "nets" / name);
  weir::PolicyFile first = t.file;  // leaves at once
  first.policy = weir::MixedPolicy::pure(t.file.policy.a);
  first.policy.a.gates[0] = first.policy.b.gates[0] = weir::Gate::constant(0, 2, t.file.inputs().size(0));
  weir::CascadeOptions options = audited({.share = 1, .budget = 0.5});
  options.networks = t.folder / "nets";
  const Cascade cascade(first, t.folder / "p.json", options);
  std::filesystem::remove(t.folder / "nets" / "fashion_googlenet.onnx");
  CHECK(cascade.run(t.images[0]).exit == "alexnet");
  cascade.finish_audits();
  CHECK(cascade.audit()->failed == 1);
  CHECK(cascade.audit()->audits == 0);
  options.audit.waiting = 1;
  options.networks.clear();
  const Cascade narrow(first, t.folder / "p.json", options);
  narrow.run(t.views);
  narrow.finish_audits();
  const AuditFigures f = narrow.audit().value();
  CHECK(f.images + f.skipped == 60);
  CHECK(f.audits == f.images);
}

TEST_CASE("Cascade: many threads, audits in the background, and it may end with audits under way") {
  const Toys t;
  std::atomic<int> alarms{0};
  AuditOptions options{.share = 0.5, .budget = 0.01, .confidence = 0.5};
  options.on_alarm = [&](const AuditFigures&) { return ++alarms < 2; };
  {
    const Cascade cascade = t.cascade(audited(options));
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&] {
        for (const auto& view : t.views) cascade.run(view);
        static_cast<void>(cascade.audit());
      });
    for (auto& thread : threads) thread.join();
    CHECK(cascade.audit()->total_images + cascade.audit()->skipped == 180);
  }
  CHECK(!t.cascade(stored_toys::anywhere()).audit());
  for (const AuditOptions& bad :
       {AuditOptions{.share = -1, .budget = 0.1}, AuditOptions{.share = 2, .budget = 0.1},
        AuditOptions{.share = 0.1, .budget = 1}, AuditOptions{.share = 0.1, .budget = 0.1, .confidence = 1},
        AuditOptions{.share = 0.1, .budget = 0.1, .waiting = 0}, AuditOptions{.share = 0.1}})
    CHECK_THROWS_AS(t.cascade(audited(bad)), weir::ArgumentError);
}

TEST_CASE("Cascade: the watch for shifts sees exits and features of all images, in every way to run") {
  Toys t;
  const Cascade plain = t.cascade(stored_toys::anywhere());
  CHECK(!plain.shift());
  weir::CascadeExecutor executor(plain.stored().spec, weir::Context());
  std::vector<std::vector<double>> features;
  weir::Preprocess::Scratch scratch;
  executor.record(
      60,
      [&](std::size_t network, std::size_t row, weir::View out) {
        plain.stored().networks[network].preprocess->apply(t.views[row], out.data, scratch);
      },
      [&](std::size_t k, std::size_t, int, std::span<const float>, std::span<const double> x) {
        if (k == 0) features.emplace_back(x.begin(), x.end());
      });
  std::vector<double> exits, second;
  const auto& stages = t.file.policy.a.topology.stages;
  for (const Decision& d : plain.run(t.views))
    exits.push_back(
        static_cast<double>(std::ranges::find(stages, d.exit, &weir::Topology::Stage::name) - stages.begin()));
  for (const auto& x : features) second.push_back(x[1]);
  weir::ShiftReference reference;
  reference.n = 60;
  reference.disagreements = 6;
  reference.features = {t.file.stages[0].feature_names[1]};
  reference.tests = {weir::ShiftTest(exits, 20), weir::ShiftTest(second, 20)};
  t.file.watch = reference;
  weir::ShiftMonitor monitor(reference.tests, reference.run_length);
  for (std::size_t i = 0; i < 60; ++i) monitor.observe(static_cast<std::size_t>(exits[i]), std::span(&second[i], 1));
  const Cascade single = t.cascade(stored_toys::anywhere()), batch = t.cascade(stored_toys::anywhere()),
                stream = t.cascade(stored_toys::anywhere());
  for (const auto& view : t.views) single.run(view);
  batch.run(t.views);
  {
    weir::CascadeStream images(stream, {.batch = 4, .in_flight = 8, .max_wait_s = 0.001});
    for (const auto& image : t.images) images.submit(image).wait();
  }
  for (const Cascade& c : {single, batch, stream}) {
    CHECK(c.shift()->images == 60);
    CHECK(c.shift()->statistic == monitor.statistic());
    CHECK(!c.shift()->alarm);
  }
  const weir::Image black{std::vector<std::uint8_t>(784, 0), 28, 28, 1};
  for (int i = 0; i < 400; ++i) single.run(black);
  CHECK(single.shift()->alarm);
  CHECK(single.shift()->first > 60);
  weir::CascadeOptions off = stored_toys::anywhere();
  off.watch = false;
  CHECK(!t.cascade(off).shift());
  // Without a budget the audit takes what calibration found.
  CHECK(t.cascade(audited({.share = 0.1})).audit()->budget ==
        doctest::Approx(weir::clopper_pearson_upper(6, 60, 0.95)));
  t.file.watch["features"][0] = "no such feature";
  CHECK(contains(message_of<weir::FormatError>([&] {
                   t.cascade(off);
                   t.cascade(stored_toys::anywhere());
                 }),
                 "no such feature"));
}

TEST_CASE("audit figures: as JSON and for Prometheus") {
  AuditFigures f;
  f.audits = 10;
  f.disagreements = 3;
  f.total_images = 400;
  f.audit_seconds = 2;
  CHECK(nlohmann::json::parse(weir::to_json_text(f)).at("disagreement") == 0.3);
  CHECK(nlohmann::json::parse(weir::to_json_text(f)).at("audit_seconds_per_image") == 0.005);
  const std::string text = weir::prometheus_text(f);
  CHECK(contains(text, "\nweir_audit_images_total 400\n"));
  CHECK(contains(text, "# TYPE weir_audit_alarm gauge\nweir_audit_alarm 0\n"));
  weir::ShiftFigures s;
  s.images = 12;
  s.loudest = "exits";
  CHECK(contains(weir::prometheus_text(s), "weir_shift_images_total 12\n"));
  CHECK(nlohmann::json::parse(weir::to_json_text(s)).at("loudest") == "exits");
}

}  // namespace WEIR_UNIT
