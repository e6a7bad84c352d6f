/// Runs one random network on weir in every way and compares: with ONNX Runtime, and with itself bit by bit.
#pragma once
#include <random>
#include <set>
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/machine_costs.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/layers/build_network.hpp>

#include "question.hpp"

namespace random_networks {

/// What came out: agreed; weir refuses the network; ONNX Runtime does; or wrong (what says how).
enum class Verdict { agreed, refused, unanswered, wrong };

struct Finding {
  Verdict verdict = Verdict::agreed;
  std::string check, what;             ///< check: which comparison failed
  std::vector<std::string> ways = {};  ///< how steps were grouped
};

/// Thrown by a comparison that fails.
struct Mismatch {
  std::string check, what;
};

class Examination {
 public:
  Examination(const Question& question, unsigned seed) : q_(question), random_(seed) {
    small_ = random_schedule(std::int64_t{2048} << random_() % 8);
  }

  /// True if some steps went by bands of rows, or by some examples of a batch at a time.
  bool in_bands() const { return bands_; }
  bool in_parts() const { return parts_; }

  Finding run() {
    std::optional<weir::Network> net;
    try {
      net = weir::build_network(weir::read_onnx(q_.model));
    } catch (const weir::Error& e) {
      return {q_.refusal.empty() ? Verdict::refused : Verdict::unanswered, {}, e.what()};
    }
    if (!q_.refusal.empty()) {
      if (q_.is("must_be_refused")) return {Verdict::wrong, "an invalid file is answered", q_.refusal};
      return {Verdict::unanswered, {}, q_.refusal};
    }
    try {
      mixes_ = mixes();
      for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512})
        if (weir::supported(isa)) all_of(*net, std::string(weir::to_string(isa)));
    } catch (const Mismatch& m) {
      return {Verdict::wrong, m.check, m.what};
    } catch (const weir::Error& e) {
      return {Verdict::refused, {}, std::string("when run: ") + e.what()};
    }
    const bool held = q_.fixed > 0 && net->state().fixed_batch > 0 && !mixes_;
    return {Verdict::agreed, {}, held ? "runs at the batch of its file only" : ""};
  }

 private:
  using Rows = std::vector<std::size_t>;
  using Values = std::vector<weir::Tensor>;

  static Rows first_rows(std::size_t n) {
    Rows rows(n);
    for (std::size_t i = 0; i < n; ++i) rows[i] = i;
    return rows;
  }

  static void check(const std::string& difference, const std::string& check, const std::string& where) {
    if (!difference.empty()) throw Mismatch{check, where + ": " + difference};
  }

  /// True if row 0 has another answer among other batch-mates, by ONNX Runtime's own account.
  bool mixes() const {
    for (const Answers& a : q_.right)
      for (std::size_t i = 0; i < q_.outputs.size() && a.rows[0] == 0; ++i) {
        if (!q_.outputs[i].rows) continue;
        if (!differs(row(a.values[i], 0), row(q_.right[0].values[i], 0)).empty()) return true;
      }
    return q_.is("mixes");
  }

  static std::vector<weir::ConstView> views(const Values& values) {
    std::vector<weir::ConstView> all;
    for (const weir::Tensor& t : values) all.push_back(t.view());
    return all;
  }

  void begin(weir::Executor& run, const Rows& rows) const {
    const Values x = q_.take(rows);
    run.begin(views(x));
  }

  Values outputs_of(weir::Executor& run) const {
    (void)run.finish();
    Values all;
    for (std::size_t i = 0; i < q_.outputs.size(); ++i) all.emplace_back(run.output(i));
    return all;
  }

  Values answer(weir::Executor& run, const Rows& rows) const {
    begin(run, rows);
    return outputs_of(run);
  }

  void same_bits(const Values& got, const Values& right, const std::string& what) const {
    for (std::size_t i = 0; i < right.size(); ++i)
      check(differs_in_bits(got[i], right[i]), what, "output " + q_.outputs[i].name);
  }

  /// Row i of got is row rows[i] of all.
  void same_rows(const Values& got, const Values& all, const Rows& rows, const std::string& what) const {
    for (std::size_t o = 0; o < q_.outputs.size(); ++o) {
      if (!q_.outputs[o].rows) continue;
      if (got[o].shape()[0] != static_cast<std::int64_t>(rows.size()))
        throw Mismatch{what, "output " + q_.outputs[o].name + " has shape " + got[o].shape().to_string()};
      for (std::size_t r = 0; r < rows.size(); ++r)
        check(differs_in_bits(row(got[o], r), row(all[o], rows[r])), what,
              "output " + q_.outputs[o].name + ", row " + std::to_string(rows[r]) + " of the batch");
    }
  }

  void all_of(const weir::Network& net, const std::string& isa) {
    const weir::ContextOptions one{.threads = 1, .isa = isa};
    weir::Executor run{net, one};
    const bool free = net.state().fixed_batch == 0;
    for (const Answers& a : q_.right) {
      if (!free && static_cast<std::int64_t>(a.rows.size()) != net.state().fixed_batch) continue;
      const Values got = answer(run, a.rows);
      for (std::size_t i = 0; i < q_.outputs.size(); ++i)
        check(differs(got[i], a.values[i]), "ONNX Runtime",
              "output " + q_.outputs[i].name + ", batch " + std::to_string(a.rows.size()) + ", " + isa);
    }
    const Rows all = first_rows(free ? all_rows : static_cast<std::size_t>(q_.fixed));
    const Values whole = answer(run, all);
    same_bits(answer(run, all), whole, "an executor used again, " + isa);
    if (free) batches(run, whole, isa);
    for (const int threads : {2, 5}) {
      weir::Executor several{net, weir::ContextOptions{.threads = threads, .isa = isa}};
      for (const std::size_t n : {all.size(), std::size_t{1}})
        if (n == all.size() || free)
          same_bits(answer(several, first_rows(n)), n == all.size() ? whole : answer(run, first_rows(n)),
                    std::to_string(threads) + " threads, " + isa);
    }
    schedules(net, isa, all, whole);
    const weir::ContextOptions small{.threads = 1, .isa = isa, .schedule_costs = &small_};
    const weir::ContextOptions& inside = random_() % 2 == 0 ? one : small;
    taps(net, inside, all, isa);
    if (free) {
      compaction(net, inside, isa);
      hooks(net, inside, isa);
    }
  }

  /// Of a machine whose second-level cache holds these bytes, others next to nothing, and on which starting a step
  /// costs nothing: small networks are cut into bands of rows and few examples as large ones are.
  weir::detail::MachineCosts random_schedule(std::int64_t second_level) {
    weir::detail::MachineCosts costs;
    costs.second_level = static_cast<double>(second_level);
    costs.third_level = 0;
    costs.start_bytes = costs.meet_bytes = random_() % 2 == 0 ? 0 : 10;
    return costs;
  }

  /// No bit depends on how steps are grouped.
  void schedules(const weir::Network& net, const std::string& isa, const Rows& all, const Values& whole) {
    for (const std::int64_t cache : {1 << 11, 1 << 13, 1 << 14, 1 << 15, 1 << 16}) {
      const weir::detail::MachineCosts costs = random_schedule(cache);
      const int threads = random_() % 3 == 0 ? 2 : 1;
      weir::Executor run{net, weir::ContextOptions{.threads = threads, .isa = isa, .schedule_costs = &costs}};
      bool bands = false;
      for (const weir::StepDescription& s : run.describe(static_cast<std::int64_t>(all.size())).steps) {
        bands = bands || s.rows > 0;
        parts_ = parts_ || (s.rows == 0 && s.examples < static_cast<std::int64_t>(all.size()));
      }
      bands_ = bands_ || bands;
      same_bits(answer(run, all), whole, std::to_string(cache) + " bytes of cache, " + isa);
      if (!bands) continue;
      same_bits(answer(run, all), whole, std::to_string(cache) + " bytes of cache, used again, " + isa);
    }
  }

  /// No answer depends on the batch-mates, and a file of a fixed batch answers row by row at any other. A network that
  /// mixes its examples must not run at others.
  void batches(weir::Executor& run, const Values& whole, const std::string& isa) {
    if (mixes_) {
      if (q_.fixed == 1)
        throw Mismatch{"a file of a fixed batch that mixes its examples runs at any, " + isa, q_.model.string()};
      if (q_.fixed == 0) return;
    }
    for (const Rows& rows : {Rows{0}, Rows{3}, Rows{1, 2}, Rows{4, 0, 6}})
      same_rows(answer(run, rows), whole, rows, "batch of " + std::to_string(rows.size()) + ", " + isa);
  }

  std::vector<std::string> tap_names() const {
    std::vector<std::string> names;
    for (const Named& t : q_.taps) names.push_back(t.name);
    return names;
  }

  const Answers& reference(std::size_t rows) const {
    for (const Answers& a : q_.right)
      if (a.rows.size() == rows && a.rows[0] == 0) return a;
    return q_.right.front();
  }

  /// Tensors inside, which may be fused away until somebody looks.
  void taps(const weir::Network& net, const weir::ContextOptions& options, const Rows& all, const std::string& isa) {
    const Answers& right = reference(all.size());
    if (right.rows.size() != all.size() || q_.taps.empty()) return;
    weir::Executor run{net, options};
    const auto names = net.tensor_names();
    begin(run, all);
    for (const std::string& name : names)
      for (std::size_t i = 0; i < q_.taps.size(); ++i)
        if (q_.taps[i].name == name)
          check(differs(run.advance_to(name), right.values[q_.outputs.size() + i]), "a tapped tensor",
                name + ", " + isa);
    const Values got = outputs_of(run);
    for (std::size_t i = 0; i < q_.outputs.size(); ++i)
      check(differs(got[i], right.values[i]), "the output behind a tap", q_.outputs[i].name + ", " + isa);
  }

  /// Random rows leave at random tensors: those that stay keep their bits. Where they may not leave, the executor goes
  /// on as if it had not been asked.
  void compaction(const weir::Network& net, const weir::ContextOptions& options, const std::string& isa) {
    const auto names = net.tensor_names();
    if (names.empty()) return;
    for (int round = 0; round < 3; ++round) {
      std::vector<std::size_t> stops = {random_() % names.size(), random_() % names.size()};
      std::sort(stops.begin(), stops.end());
      weir::Executor plain{net, options}, run{net, options};
      for (const std::size_t s : stops) plain.show(names[s]), run.show(names[s]);
      const Values whole = answer(plain, first_rows(all_rows));
      begin(run, first_rows(all_rows));
      Rows stay = first_rows(all_rows);
      bool refused = false;
      std::string where;
      for (const std::size_t s : stops) {
        (void)run.advance_to(names[s]);
        Rows keep, kept;
        for (std::size_t r = 0; r < stay.size(); ++r)
          if (random_() % 3 != 0) keep.push_back(r), kept.push_back(stay[r]);
        if (keep.empty()) continue;
        try {
          run.compact(keep);
          stay = kept;
          where += " " + std::to_string(keep.size()) + " rows stay at " + names[s];
        } catch (const weir::ArgumentError&) {
          refused = true;
        }
      }
      same_rows(outputs_of(run), whole, stay,
                (refused ? "compaction after one that was refused, " : "compaction, ") + isa + "," + where);
    }
  }

  /// A hook sees the tensor that the file names; rows that leave there do not disturb the others.
  void hooks(const weir::Network& net, const weir::ContextOptions& options, const std::string& isa) {
    if (q_.inputs.size() != 1) return;
    const auto names = net.tensor_names();
    const Answers& right = reference(all_rows);
    weir::Executor watched{net, options};
    const bool comparable = right.rows.size() == all_rows;
    std::string fault;
    for (std::size_t i = 0; comparable && i < q_.taps.size(); ++i) {
      if (std::find(names.begin(), names.end(), q_.taps[i].name) == names.end()) continue;
      watched.on(q_.taps[i].name, [&, i](const weir::Step& s) {
        const std::string difference = differs(s.output(), right.values[q_.outputs.size() + i]);
        if (fault.empty() && !difference.empty()) fault = q_.taps[i].name + ": " + difference;
      });
    }
    const auto finite = [](const weir::Tensor& t) {
      return std::all_of(t.span().begin(), t.span().end(), [](float v) { return std::isfinite(v); });
    };
    if (!finite(answer(watched, first_rows(all_rows))[0]))
      return;  // such answers are errors, which other tests look at
    const weir::Result result = watched.run(q_.inputs[0]);
    check(fault, "what a hook sees", isa);
    if (comparable) check(differs(result.output, right.values[0]), "the output behind a hook", isa);
    if (names.empty() || !q_.outputs[0].rows || mixes_) return;
    const std::string& stop = names[random_() % names.size()];
    weir::Executor leaving{net, options};
    leaving.on(stop, [](weir::Step& s) {
      for (std::size_t r = 0; r < s.rows(); ++r)
        if (s.example(r) % 2 == 1) s.exit(r, 5);
    });
    try {
      const weir::Result left = leaving.run(q_.inputs[0]);
      weir::Executor shown{net, options};
      shown.show(stop);
      const Values whole = answer(shown, first_rows(all_rows));
      for (std::size_t i = 0; i < left.examples.size(); ++i)
        check(differs_in_bits(row(left.output, i), row(whole[0], left.examples[i])),
              "a row whose mates left at a hook, " + isa, stop);
    } catch (const weir::ArgumentError&) {  // where rows may not leave
    }
  }

  const Question& q_;
  std::minstd_rand random_;
  bool mixes_ = false, bands_ = false, parts_ = false;
  weir::detail::MachineCosts small_;
};

}  // namespace random_networks
