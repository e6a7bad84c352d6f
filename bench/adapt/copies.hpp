/// Cheaper members that a run makes of the networks it is given: 8-bit copies, and exits inside them.
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/io/onnx/write.hpp>
#include <weir/policy/quantize/quantize.hpp>

#include "../results_folder.hpp"
#include "heads.hpp"
#include "making.hpp"
#include "result_names.hpp"

namespace adapt {

/// What the copy of a network is called, and its file in the results folder.
inline std::string copy_name(const Model& m) { return m.name + "_int8"; }
inline std::string copy_file(const Model& m) { return "member_" + copy_name(m) + ".onnx"; }

/// Why a network cannot be quantised; empty where it can, as far as its graph says.
inline std::string cannot_quantise(const Model& m) {
  if (m.network.state().fixed_batch > 1)
    return m.file + ": runs batches of " + std::to_string(m.network.state().fixed_batch) + " only";
  try {
    weir::detail::check_quantizable(weir::read_onnx(m.file));
  } catch (const weir::Error& e) {
    return e.what();
  }
  return "";
}

/// Throws ArgumentError where a network given is a file that the results will replace, where copies would be called as
/// other networks are, and where copies were asked for and none can be made.
inline void check_making(const Making& making, const Options& o, const Models& models) {
  for (const Model& m : models.all) {
    const std::filesystem::path file(m.file);
    if (is_result(file.filename().string()) && same_folder(file.has_parent_path() ? file.parent_path() : ".", o.out))
      throw weir::ArgumentError("--network " + m.file +
                                ": an earlier run made it, and this one replaces what that one " + "left in " + o.out +
                                "; copy the file to another folder, or give another --out");
  }
  if (!making.int8) return;
  std::string reason;
  for (const Model& m : models.all) {
    for (const Model& other : models.all)
      if (other.name == copy_name(m))
        throw weir::ArgumentError("--network " + other.file + ": the 8-bit copy of " + m.name +
                                  " would have its name; rename the file, or say --make exits");
    const std::string why = cannot_quantise(m);
    if (why.empty()) return;
    reason = why;
  }
  if (making.asked) throw weir::ArgumentError("--make int8: " + reason);
}

/// Images that quantising looks at: the first ones of a part, which lies in random order.
inline constexpr std::size_t quantise_on = 200;

/// Inputs of network n, [images, ...], of the first images of a part.
inline weir::Tensor first_inputs(const Models& models, std::size_t n, const Part& part, std::size_t images) {
  const weir::Shape one = models.all[n].network.input_shape();
  weir::Tensor x(one.with(0, static_cast<std::int64_t>(images)));
  const auto fill = models.maker(part, {n});
  const std::size_t each = x.size() / images;
  for (std::size_t i = 0; i < images; ++i) fill(0, i, {x.data() + i * each, one});
  return x;
}

/// Seconds of an image in two networks that run in turn, on one thread, in batches where images can leave those: the
/// medians of all rounds.
inline std::array<double, 2> seconds_in_turn(const std::array<const weir::Network*, 2>& nets,
                                             const weir::Tensor& images, std::size_t batch, const std::string& isa) {
  const std::size_t each = images.size() / static_cast<std::size_t>(images.shape()[0]), most = batch;
  const auto n = static_cast<std::size_t>(images.shape()[0]);
  std::vector<weir::Executor> runs;
  for (const weir::Network* net : nets) runs.emplace_back(*net, weir::ContextOptions{.threads = 1, .isa = isa});
  weir::Tensor x(images.shape().with(0, static_cast<std::int64_t>(most)));
  std::array<std::vector<double>, 2> seconds;
  constexpr std::size_t rounds = 31, warm_up = 3;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t round = 0; round < rounds + warm_up; ++round) {
    for (std::size_t i = 0; i < most; ++i)
      std::copy_n(images.data() + (round * most + i) % n * each, each, x.data() + i * each);
    for (std::size_t turn = 0; turn < 2; ++turn) {
      const std::size_t who = (round + turn) % 2;  // each comes first as often
      const auto start = std::chrono::steady_clock::now();
      runs[who].begin(x);
      (void)runs[who].finish();
      if (round >= warm_up)
        seconds[who].push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() /
                               static_cast<double>(most));
    }
    const double so_far = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (so_far > 20 && seconds[0].size() >= 5) break;
  }
  return {weir::detail::median(seconds[0]), weir::detail::median(seconds[1])};
}

/// "8-bit copy of a: 101.2 us an image, fp32 205.1 us (batch 1, one thread, in turn): kept; ...".
inline std::string copy_line(const MadeCopy& c) {
  const auto us = [](double seconds) { return weir::detail::fixed_point(1e6 * seconds, 1) + " us"; };
  const auto fp32 = std::ranges::count(c.report.layers, false, &weir::QuantizedLayer::on_integers);
  return "8-bit copy of " + c.of + ": " + us(c.seconds) + " an image, fp32 " + us(c.fp32_seconds) + " (" +
         (c.batch == 1 ? std::string("batch 1") : "batches of " + std::to_string(c.batch)) +
         ", one thread, in turn): " + (c.kept ? "kept" : "not faster, so not kept") + "; " + std::to_string(fp32) +
         " of " + std::to_string(c.report.layers.size()) + " layers stay in fp32, the same class on " +
         std::to_string(c.report.result.same) + " of " + std::to_string(c.report.judged_on) +
         " images of the policy part";
}

/// Network m in 8 bits, or why there is no such thing.
struct QuantisedOrNot {
  std::optional<weir::Quantized> made;
  std::string why;
};

inline QuantisedOrNot quantised(const Model& fp32, const weir::Tensor& images, const Options& o) {
  weir::QuantizeOptions q;
  q.context = {.threads = all_cores(o).threads(), .isa = o.isa};
  if (o.quick) q.sensitive = 0;  // no layer goes back to fp32
  std::optional<ProgressLine> line;
  std::string doing;
  q.progress = [&](const std::string& what, std::size_t done, std::size_t total) {
    if (what != doing) {
      line.reset();
      line.emplace("quantising " + fp32.name + ": " + (doing = what));
    }
    (*line)(done, total);
  };
  try {
    return {weir::quantize(weir::read_onnx(fp32.file), images, q), ""};
  } catch (const weir::FormatError& e) {  // no layer that could be quantised, and the like
    return {std::nullopt, e.what()};
  } catch (const weir::ArgumentError& e) {
    return {std::nullopt, e.what()};
  }
}

/// What came of quantising a network.
struct CopyTried {
  std::string line;              ///< that, in words
  std::optional<MadeCopy> made;  ///< where a copy could be made
  std::optional<Model> member;   ///< where it is kept
};

/// Quantises network n on images of the policy part, writes the copy among the results, and times what lies there
/// beside fp32. It is kept where it is faster; else its file is removed.
inline CopyTried make_copy(std::size_t n, const Options& o, const Part& policy, const Models& models,
                           const program::ResultsFolder& out) {
  const Model& fp32 = models.all[n];
  const auto no_copy = [&](const std::string& why) {
    return CopyTried{"no 8-bit copy of " + fp32.name + ": " + why, std::nullopt, std::nullopt};
  };
  if (const std::string why = cannot_quantise(fp32); !why.empty()) return no_copy(why);
  const weir::Tensor images = first_inputs(models, n, policy, std::min(quantise_on, policy.size()));
  QuantisedOrNot q = quantised(fp32, images, o);
  if (!q.made) return no_copy(q.why);
  MadeCopy made{copy_name(fp32), fp32.name, copy_file(fp32), false, 0, 0, 1, std::move(q.made->report)};
  const std::filesystem::path staged = out.path(made.file);
  weir::write_onnx(staged, q.made->graph, q.made->outputs);
  Model copy{made.name,
             (out.folder() / made.file).string(),
             weir::load_onnx(staged),
             fp32.preprocess,
             {},
             fp32.logits,
             fp32.file,
             staged.string()};
  copy.answer = weir::detail::answer_tensor(copy.network);
  made.batch =
      weir::detail::rows_may_leave(fp32.network) && weir::detail::rows_may_leave(copy.network) ? o.costs.batch : 1;
  const auto seconds = seconds_in_turn({&fp32.network, &copy.network}, images, made.batch, o.isa);
  made.fp32_seconds = seconds[0];
  made.seconds = seconds[1];
  made.kept = made.seconds < made.fp32_seconds;
  CopyTried tried{copy_line(made), std::move(made), std::nullopt};
  if (tried.made->kept)
    tried.member = std::move(copy);
  else
    std::filesystem::remove(staged);
  return tried;
}

/// The exits of a network in its 8-bit copy, at the same tensors: where it computes them on integers, heads read what
/// DequantizeLinear makes of those.
inline Heads heads_of_copy(const Heads& of, std::size_t copy, const Models& models) {
  Heads h;
  h.model = copy;
  h.spread = of.spread;
  const weir::Network& net = models.all[copy].network;
  const std::vector<std::string> names = net.tensor_names();
  for (const weir::ExitPoint& p : of.points)
    if (std::ranges::find(names, p.tensor) != names.end()) h.points.push_back(p);
  if (h.points.empty())
    h.reason = of.points.empty() ? of.reason : "it has none of the tensors at which its network is left";
  return h;
}

/// For the terminal: where an 8-bit copy can be left.
inline std::string exits_of_copy_line(const Heads& h, const Models& models) {
  std::string where;
  for (const weir::ExitPoint& p : h.points) where += (where.empty() ? "" : ", ") + p.tensor;
  return "exits inside " + models.all[h.model].name + ", too: " + where;
}

/// All networks of a run, and where each is left early.
struct Members {
  Models models;
  std::vector<Heads> exits;
  bool searches = false;  ///< whether stages and topology are searched for
};

/// The networks given and the copies that are kept, each in front of its network, so that the full network stays the
/// last. tried: [networks], or none. Where stages are searched for, a copy has the exits of its network.
inline Members with_copies(Models models, std::vector<Heads> exits, const std::vector<CopyTried>& tried,
                           const Part& policy, const Options& o) {
  std::size_t n = 0;
  for (const CopyTried& t : tried) {
    if (t.made) models.made_copies.push_back(*t.made);
    if (t.member) {
      models.all.insert(models.all.begin() + static_cast<std::ptrdiff_t>(n), *t.member);
      for (Heads& h : exits)
        if (h.model >= n) ++h.model;
      models.all[n].logits = models.is_logits(policy, n, models.all[n].answer);
      ++n;  // its network
    }
    ++n;
  }
  const bool any = std::ranges::any_of(tried, [](const CopyTried& t) { return t.member.has_value(); });
  const bool a_pair = models.all.size() == 2 && exits.empty();  // in one order only
  const bool searches = o.topology == "search" || (o.topology == "auto" && any && !a_pair);
  if (any && searches && making(o).exits) {
    const std::size_t given = exits.size();
    for (std::size_t i = 0; i < given; ++i)
      if (const std::size_t of = exits[i].model; of > 0 && models.all[of - 1].copy_of == models.all[of].file)
        exits.push_back(heads_of_copy(exits[i], of - 1, models));
  }
  return {std::move(models), std::move(exits), searches};
}

}  // namespace adapt
