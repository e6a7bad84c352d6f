/// The policy file: everything a program needs to stop where training decided to, as JSON text.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir {

/// Content of a policy file. What is `json` here is stored as given and is of no concern to the policy.
struct PolicyFile {
  /// What belongs to one stage.
  struct Stage {
    std::vector<std::string> feature_names;  ///< of its own features, in order
    double cost = 0;                         ///< what training took it to cost, in the file's cost_unit
    nlohmann::json exit_head;                ///< an ExitHead, or null where the network itself answers
    nlohmann::json source;   ///< where the answer comes from: network, tensor (serve/stored_cascade.hpp)
    double answer_cost = 0;  ///< the part of `cost` that only answering costs, see StageTrace
    bool operator==(const Stage&) const = default;
  };

  MixedPolicy policy;
  std::vector<Stage> stages;       ///< [topology.size()]
  std::optional<double> lambda_a;  ///< none for a fixed exit or a rule
  std::optional<double> lambda_b;
  nlohmann::json cascade;  ///< the networks to run (serve/stored_cascade.hpp); null: only for traces
  nlohmann::json budget;   ///< what was asked for and what calibration found
  /// Policies of the same topology, each safer than the one before and all safer than `policy`: what to go to where it
  /// is found to lose too much (serve/audit.hpp).
  std::vector<Policy> safer{};
  nlohmann::json watch{};     ///< what examples were like in calibration (run/shift_reference.hpp)
  nlohmann::json provenance;  ///< which data served for what, versions, machine
  std::string cost_unit = weir::cost_unit::seconds;  ///< of what stages cost, of lambda, and of a budget on cost

  /// The layout of what the gates see.
  detail::GateInputs inputs() const;

  /// Throws ArgumentError or ShapeError where parts do not fit together.
  void check() const;

  bool operator==(const PolicyFile&) const = default;
};

}  // namespace weir

namespace weir::detail {

/// Stages that a file may have; the paths of a graph are looked at when it is loaded.
inline constexpr std::size_t max_policy_file_stages = 64;

/// Safer policies that it may hold.
inline constexpr std::size_t max_safer_policies = 16;

}  // namespace weir::detail

namespace weir {

/// {"weir_policy": 2 to 5, "stages": [{"name", "next", "features", "seconds", "answer_seconds", "exit_head", "source",
/// "gate", "gate_b"}, ...], "cost_unit", "mix": {"p", "seed"}, "lambda": [a, b], "cascade", "budget", "provenance",
/// "safer": [[gate of stage 0, ...], ...], "watch"}:
/// "next" holds indices of stages, "gate_b" is there only where two policies are mixed; where the unit is not seconds
/// costs are called "cost" and "answer_cost". Version 3 says that a stage's "source" has "join" or "score", which
/// programs that know only version 2 would pass over; version 4 that it has "safer" or "watch"; version 5 that a head
/// sees the exit before it, which its "source" names as "sees". Numbers are written so that they load equal to the last
/// bit. Throws what check throws, and ArgumentError for too many stages.
std::string to_text(const PolicyFile& file);

}  // namespace weir

namespace weir::detail {

/// JSON whose nesting is bounded before it is built: copying and writing recurse. Throws FormatError.
nlohmann::json parse_bounded(std::string_view text, int max_depth);
std::string text_field(const nlohmann::json& json, const char* key);

}  // namespace weir::detail

namespace weir {

/// Reads what to_text wrote; decisions are equal to the last bit. Files that say nothing of a unit or of the answers'
/// costs are in seconds, and their answers cost nothing apart. Files of version 1 decide as they did, but have no
/// `cascade`: they cannot run. `name` stands for the text in messages. Throws
/// FormatError for anything else: not JSON, another version, nested too deeply, a field missing or of another type,
/// numbers that are not finite, gates that do not fit the stages, and keys that are not known (all but those of
/// "provenance").
PolicyFile policy_from_text(std::string_view text, const std::string& name = "policy");

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/run/policy_file.ipp>
#endif
