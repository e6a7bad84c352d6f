#include <doctest/doctest.h>

#include <numeric>
#include <stdexcept>
#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/merge_trace_shards.hpp>
#include <weir/policy/serve/record_images.hpp>
#include <weir/policy/serve/shard.hpp>
#include <weir/policy/serve/stored_cascade.hpp>
#include <weir/policy/serve/trace_files.hpp>
#include <weir/policy/serve/trace_shard.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>
#include <weir/policy/trace/trace_file.hpp>

#include "stored_toys.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::slurp, io_test::TempFolder;
using weir::FormatError, weir::RecordOptions, weir::detail::Shard;

namespace {

struct Recording {
  TempFolder folder;
  weir::PolicyFile file = stored_toys::file(folder.path());
  weir::detail::StoredCascade stored = weir::detail::read_cascade(file, folder / "p.json", {{}, true});
  weir::ImageSet set = pixels();
  std::vector<std::size_t> rows = std::vector<std::size_t>(23);

  Recording() { std::iota(rows.begin(), rows.end(), std::size_t{2}); }

  static weir::ImageSet pixels() {
    weir::detail::Bytes bytes(30 * 28 * 28);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<char>(
          static_cast<int>(127 + 127 * std::sin(0.003 * static_cast<double>(i % 28 * (i / 784) + i))));
    std::vector<int> labels(30);
    for (std::size_t i = 0; i < 30; ++i) labels[i] = static_cast<int>(i * 7 % 10);
    return weir::ImageSet::from_pixels(weir::Shape{30, 28, 28}, std::move(bytes), std::move(labels), "pixels");
  }

  std::filesystem::path record(const std::string& name, const RecordOptions& options = {}) const {
    weir::record_images(file, stored, set, rows, folder / name, options);
    return folder / name;
  }
  std::string merged(const std::vector<std::filesystem::path>& shards) const {
    weir::detail::merge_trace_shards(shards, folder / "merged.csv");
    return slurp(folder / "merged.csv");
  }
};

}  // namespace

TEST_CASE("recording: what a trace says is what gates see") {
  const Recording r;
  const weir::Trace trace = weir::detail::merge_trace_shards({r.record("whole")}, r.folder / "t.csv");
  REQUIRE(trace.size() == 23);
  const weir::detail::CsvTable table = weir::detail::read_csv(r.folder / "t.csv");
  const weir::Trace again = weir::detail::trace_from_table(table.header, table.rows, {}, "t.csv");
  const auto planned = weir::evaluate(r.file.policy, again);
  const weir::Cascade cascade(r.file, r.folder / "p.json", stored_toys::anywhere());
  for (std::size_t i = 0; i < 23; ++i) {
    const auto d = cascade.run(r.set.image(r.rows[i]), i);
    CHECK(d.exit == again.stages[planned.exit[i]].name);
    CHECK(d.label == again.stages[planned.exit[i]].prediction[i]);
    CHECK(again.label[i] == r.set.label(r.rows[i]));
  }
}

TEST_CASE("recording: costs, their unit and networks go from the policy into the trace") {
  Recording r;
  r.file.cost_unit = "J";
  r.file.stages[1].cost = 0.1 / 3;
  r.file.stages[1].answer_cost = 0.01 / 3;
  r.record("joules");
  weir::detail::merge_trace_shards({r.folder / "joules"}, r.folder / "t.csv");
  const weir::detail::CsvTable table = weir::detail::read_csv(r.folder / "t.csv");
  const weir::Trace trace = weir::detail::trace_from_table(table.header, table.rows, {}, "t.csv");
  CHECK(trace.cost_unit == "J");
  CHECK(trace.costs() == std::vector<weir::StageCost>{{1, 0}, {0.1 / 3, 0.01 / 3}, {1, 0}});
  CHECK(trace.stages[0].network == "fashion_alexnet");
  CHECK(trace.stages[1].network == "fashion_googlenet");
  CHECK(trace.stages[2].network == "fashion_googlenet");
  CHECK(trace.step_cost(0, 2) == doctest::Approx(1 + 0.09 / 3));  // past the exit: without its answer
}

TEST_CASE("recording: network names of a trace") {
  const Recording r;
  CHECK(weir::detail::network_names(r.stored) ==
        std::vector<std::string>{"fashion_alexnet", "fashion_googlenet", "fashion_googlenet"});
  weir::detail::StoredCascade same = r.stored;
  same.networks[0].file = "elsewhere/fashion_googlenet.onnx";
  CHECK(weir::detail::network_names(same) ==
        std::vector<std::string>{"fashion_googlenet#0", "fashion_googlenet#1", "fashion_googlenet#1"});
}

TEST_CASE("recording: shards, blocks, threads and stops leave the same bytes") {
  const Recording r;
  const std::string whole = r.merged({r.record("whole")});
  CHECK(r.merged({r.record("blocks", {.shard = {}, .block = 1, .context = {.threads = 2}})}) == whole);
  for (const std::size_t count : {2U, 5U, 23U}) {
    std::vector<std::filesystem::path> shards;
    for (std::size_t i = count; i-- > 0;)
      shards.push_back(r.record("shard" + std::to_string(i), {.shard = {i, count}, .block = 3}));
    CHECK(r.merged(shards) == whole);
    for (const auto& path : shards) std::filesystem::remove(path);
  }
  // Stopped by an error behind some block.
  const RecordOptions stops{.shard = {}, .block = 4, .context = {}, .progress = [](std::size_t done, std::size_t) {
                              if (done % 8 == 0) throw std::runtime_error("stopped");
                            }};
  for (const bool last : {false, false, true}) {
    if (last)
      r.record("stopped", stops);
    else
      CHECK_THROWS_AS(r.record("stopped", stops), std::runtime_error);
  }
  CHECK(r.merged({r.folder / "stopped"}) == whole);
}

TEST_CASE("recording: killed after any number of bytes it goes on to the same file") {
  const Recording r;
  const std::string done = slurp(r.record("done"));
  // Few positions, because each runs the networks again; around every line's end, and in between.
  for (std::size_t at = 0; at < done.size(); ++at) {
    const bool near = done[at] == '\n' || (at > 0 && done[at - 1] == '\n');
    if (!near && at % 997 != 0) continue;
    const auto path = r.folder.write("killed", done.substr(0, at));
    r.record("killed", {.block = 23});
    CHECK(slurp(path) == done);
  }
  r.record("killed");  // and again, though nothing is left to do
  CHECK(slurp(r.folder / "killed") == done);
}

TEST_CASE("recording: class probabilities beside the rows, whole, in shards and after any stop") {
  const Recording r;
  const RecordOptions keeps{.shard = {}, .block = 5, .probabilities = true};
  const auto beside = [](const std::filesystem::path& shard) { return weir::detail::shard_probabilities(shard); };
  r.record("plain");
  r.record("whole", keeps);
  const std::string rows = slurp(r.folder / "whole"), floats = slurp(beside(r.folder / "whole"));
  CHECK(floats.size() == 23 * 3 * 10 * sizeof(float));
  CHECK(rows.substr(rows.find('\n')) == slurp(r.folder / "plain").substr(slurp(r.folder / "plain").find('\n')));
  weir::detail::merge_trace_shards({r.folder / "whole"}, r.folder / "t.csv");
  const std::string npy = slurp(r.folder / "t.probabilities.npy");
  const weir::Trace trace = weir::read_trace(r.folder / "t.csv");
  std::vector<double> features(trace.stages[0].feature_names.size());
  for (std::size_t k = 0; k < 3; ++k)
    for (Eigen::Index i = 0; i < 23; ++i) {
      const Eigen::VectorXf p = trace.stages[k].probabilities.row(i).transpose();
      const int prediction = weir::detail::confidence_features({p.data(), 10}, features);
      CHECK(prediction == trace.stages[k].prediction[static_cast<std::size_t>(i)]);
      CHECK(features[0] == trace.stages[k].features(i, 0));
      CHECK(features[4] == trace.stages[k].features(i, 4));
    }
  std::vector<std::filesystem::path> shards;
  for (const std::size_t i : {2U, 0U, 1U})
    shards.push_back(r.record("s" + std::to_string(i), {.shard = {i, 3}, .block = 4, .probabilities = true}));
  weir::detail::merge_trace_shards(shards, r.folder / "t.csv");
  CHECK(slurp(r.folder / "t.probabilities.npy") == npy);

  // Killed behind rows, within one, and between the probabilities of a block and its rows.
  const std::size_t second = rows.find('\n', rows.find('\n') + 1) + 1, half = rows.find('\n', rows.size() / 2) + 1;
  const std::size_t done = static_cast<std::size_t>(std::count(rows.begin() + static_cast<std::ptrdiff_t>(second),
                                                               rows.begin() + static_cast<std::ptrdiff_t>(half), '\n'));
  for (const std::size_t at : {std::size_t{0}, std::size_t{9}, second, half, half + 7})
    for (const std::size_t kept : {done * 120, done * 120 + 57, floats.size()}) {
      r.folder.write("killed", rows.substr(0, at));
      r.folder.write("killed.probabilities", floats.substr(0, kept));
      r.record("killed", keeps);
      CHECK(slurp(r.folder / "killed") == rows);
      CHECK(slurp(beside(r.folder / "killed")) == floats);
    }
  // Fewer than the rows: not from such a run.
  r.folder.write("killed", rows.substr(0, half));
  r.folder.write("killed.probabilities", floats.substr(0, done * 120 - 1));
  CHECK(contains(message_of<FormatError>([&] { r.record("killed", keeps); }), "killed.probabilities: fewer"));
  CHECK(contains(message_of<FormatError>([&] { r.record("plain", keeps); }), "another run"));
  r.folder.write("whole.probabilities", floats + "x");
  CHECK(contains(
      message_of<FormatError>([&] { weir::detail::merge_trace_shards({r.folder / "whole"}, r.folder / "u.csv"); }),
      "whole.probabilities: 2761 bytes, not the probabilities of 23 rows, 3 stages and 10 classes"));
  std::filesystem::remove(r.folder / "whole.probabilities");
  CHECK(contains(
      message_of<FormatError>([&] { weir::detail::merge_trace_shards({r.folder / "whole"}, r.folder / "u.csv"); }),
      "whole.probabilities: No such file"));
  // A header that claims more classes than any memory holds.
  const std::string huge = rows.substr(0, rows.find("\"classes\":10")) + "\"classes\":16000000" +
                           rows.substr(rows.find("\"classes\":10") + 12);
  r.folder.write("huge", huge);
  r.folder.write("huge.probabilities", floats);
  CHECK(contains(
      message_of<FormatError>([&] { weir::detail::merge_trace_shards({r.folder / "huge"}, r.folder / "u.csv"); }),
      "huge.probabilities: 2760 bytes, not"));
  CHECK(!std::filesystem::exists(r.folder / "u.csv"));
}

TEST_CASE("recording: a file of another run, or a damaged one, is not gone on with") {
  Recording r;
  const std::string done = slurp(r.record("done"));
  const auto refuses = [&](const std::string& part, const RecordOptions& options = {}) {
    const std::string before = slurp(r.folder / "done");
    const auto message = message_of<FormatError>([&] { r.record("done", options); });
    CHECK_MESSAGE(contains(message, part), message);
    CHECK(contains(message, "done"));
    CHECK(slurp(r.folder / "done") == before);
  };
  refuses("another run", {.loss = "top5"});
  refuses("another run", {.shard = {0, 2}});
  r.rows.pop_back();
  refuses("another run");
  r.rows.push_back(24);
  r.file.stages[0].cost = 2;
  refuses("another run");
  r.file.stages[0].cost = 1;
  CHECK_NOTHROW(r.record("done"));
  r.folder.write("done", "label,a.prediction\n");
  refuses("another run");
  const std::size_t row = done.rfind('\n', done.size() - 2) + 1;
  r.folder.write("done", done.substr(0, row) + "x" + done.substr(row));
  refuses("is not a finite number");
  r.folder.write("done", done + done.substr(row));
  refuses("24 rows");
  const char label = done[row];
  r.folder.write("done", done.substr(0, row) + (label == '1' ? '2' : '1') + done.substr(row + 1));
  refuses("another label");
  CHECK_THROWS_AS(r.record("other", {.shard = {23, 24}}), weir::ArgumentError);
  CHECK_THROWS_AS(r.record("other", {.block = 0}), weir::ArgumentError);
  const weir::detail::TraceShardWriter busy(r.folder / "busy", {"run", {}, 5});
  CHECK_THROWS_AS(weir::detail::TraceShardWriter(r.folder / "busy", {"run", {}, 5}), weir::IoError);
}

TEST_CASE("merging: shards that do not make a whole are refused by file, and nothing is written") {
  const Recording r;
  const auto first = r.record("s0", {.shard = {0, 2}}), second = r.record("s1", {.shard = {1, 2}}),
             other = r.record("other", {.shard = {1, 2}, .loss = "top5"});
  const auto refuses = [&](const std::vector<std::filesystem::path>& shards, const std::string& part) {
    const auto message = message_of<FormatError>([&] { weir::detail::merge_trace_shards(shards, r.folder / "out"); });
    CHECK_MESSAGE(contains(message, part), message);
    CHECK(!std::filesystem::exists(r.folder / "out"));
  };
  refuses({first}, "shard 1 of 2 is missing");
  refuses({first, second, first}, "twice");
  refuses({first, other}, "another run");
  const std::string text = slurp(second);
  const auto damaged = [&](const std::string& content) { return r.folder.write("damaged", content); };
  refuses({first, damaged(text.substr(0, text.size() - 1))}, "unfinished");
  refuses({first, damaged(text.substr(0, text.rfind('\n', text.size() - 2) + 1))}, "unfinished");
  refuses({first, damaged("")}, "line 1");
  refuses({first, damaged("{}\n")}, "weir_trace_shard");
  refuses({damaged(std::string(2000, '[') + "\n")}, "line 1");
  refuses({damaged(text.substr(0, text.find('\n') + 1))}, "damaged");
  for (const char* header : {R"({"weir_trace_shard":2,"run":"","shard":[0,1],"n":1})",
                             R"({"weir_trace_shard":1,"run":0,"shard":[0,1],"n":1})",
                             R"({"weir_trace_shard":1,"run":"","shard":[1,1],"n":1})",
                             R"({"weir_trace_shard":1,"run":"","shard":[0],"n":1})",
                             R"({"weir_trace_shard":1,"run":"","shard":[0,1],"n":-1})"})
    refuses({damaged(std::string(header) + "\n" + text.substr(text.find('\n') + 1))}, "line 1");
  std::size_t refused = 0;
  for (std::size_t at = 0; at < text.size(); at += 31) {
    std::string flipped = text;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 7)));
    try {
      weir::detail::merge_trace_shards({first, damaged(flipped)}, r.folder / "any");
    } catch (const weir::Error&) {
      ++refused;
    }
  }
  CHECK(refused > 10);
  CHECK_THROWS_AS(weir::detail::merge_trace_shards({}, r.folder / "out"), weir::ArgumentError);
  CHECK_NOTHROW(weir::detail::merge_trace_shards({second, first}, r.folder / "out"));
}

}  // namespace WEIR_UNIT
