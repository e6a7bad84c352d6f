/// Cascade: a learned policy and its networks as one object that any number of threads may run.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/context.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/policy/serve/audit.hpp>

namespace weir {

namespace detail {
struct StoredCascade;  // policy/serve/stored_cascade.hpp
}  // namespace detail
class CascadeSpec;     // policy/run/cascade_spec.hpp
struct CascadeAnswer;  // policy/run/cascade_executor.hpp
struct MixedPolicy;    // policy/run/policy.hpp
struct PolicyFile;     // policy/run/policy_file.hpp
class CascadeStream;   // policy/serve/cascade_stream.hpp

/// What a cascade says of one image.
struct Decision {
  int label = -1;                    ///< predicted class
  std::vector<float> probabilities;  ///< [classes]
  std::string exit;                  ///< stage that answered
  double seconds = 0;                ///< from the call until this image was decided
};

struct CascadeOptions {
  std::filesystem::path networks{};  ///< folder of the network files; empty: where the policy file says
  ContextOptions context{};          ///< threads within one call, instruction set
  bool allow_outside = false;        ///< without `networks`: the policy file may name files outside its folder
  AuditOptions audit{};              ///< the full network behind a share of the answers
  bool watch = true;                 ///< for shifts, where the policy file says what calibration images were like
};

/// A policy that runs. Made by load_policy(); copies share everything. All members may be called from any number of
/// threads at once: each call takes one of the executors that stand ready, or makes one more, so there are as many as
/// calls at once. A network is loaded when the first image needs it, and that call waits.
///
/// Where the policy is a mix of two (MixedPolicy), an image's id picks between them. By default that is the hash of its
/// pixels: the same image always takes the same way, by itself or in any batch.
class Cascade {
 public:
  /// file: what policy_from_text() gave; path: where it lies. Throws as read_cascade().
  Cascade(const PolicyFile& file, const std::filesystem::path& path, const CascadeOptions& options = {});

  const CascadeSpec& spec() const;
  /// The one that is in force.
  const MixedPolicy& policy() const;
  const detail::StoredCascade& stored() const;
  const Context& context() const;

  /// The id of an image that comes without one; costs a pass over its pixels where the policy is a mix.
  std::uint64_t default_id(ImageView image) const;

  /// Loads all networks now, and makes one executor ready with their plans for `batch` images at once: without it the
  /// first images wait for that. Throws what load_network() and CascadeSpec::network() throw.
  void preload(std::size_t batch = 1) const;

  /// Whether an executor that preload() made ready for `batch` images at once stands idle: the next call takes it, and
  /// waits for no file and no plan. False of executors that other calls have made.
  bool is_preloaded(std::size_t batch = 1) const;

  /// One image (8 bits a channel, grey or RGB). Throws ArgumentError for an image without pixels, NotFiniteError where
  /// a network answers NaN or infinity; on a network's first use what load_network() and CascadeSpec::network() throw.
  Decision run(ImageView image, std::optional<std::uint64_t> id = {}) const;

  /// A batch, in order; image i has the id first_id + i if one is given. Bit-equal to one call for each image. Images
  /// that exit leave the batch; memory grows with its size.
  std::vector<Decision> run(std::span<const ImageView> images, std::optional<std::uint64_t> first_id = {}) const;

  /// A batch of network inputs [N, ...], as preprocessing would make them (for policies learned on float tensors, and
  /// where all networks share one preprocessing). Throws ArgumentError, ShapeError where it does not fit.
  std::vector<Decision> run(ConstView x, std::optional<std::uint64_t> first_id = {}) const;

  /// What audits have found; nullopt where CascadeOptions::audit asks for none.
  std::optional<AuditFigures> audit() const;

  /// What the watch for shifts has seen; nullopt where the policy file has nothing to compare with. It stands still
  /// when a safer policy comes into force, whose exits are others.
  std::optional<ShiftFigures> shift() const;

  /// The next of the policy file's safer policies comes into force, for calls and streams of this cascade that begin
  /// from now on, and the count of audits begins again at 0. False where there is none.
  bool to_safer() const;

  /// Waits until no audit is under way. Not to be called by AuditOptions::on_alarm.
  void finish_audits() const;

  /// Writes AuditOptions::state, whole or not at all. Throws IoError, ArgumentError without audits or file.
  void save_audit() const;

  /// An answer with its stage's name.
  Decision decision(const CascadeAnswer& answer) const;

 private:
  friend class CascadeStream;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// The policy of a policy.json, ready to run: `auto cascade = load_policy("policy.json"); cascade.run(image)`. Network
/// files are looked for, but only read when they first run. Throws FormatError naming file and field for anything
/// damaged, hostile or missing (a file of version 1 says which networks only in part), IoError.
Cascade load_policy(const std::filesystem::path& path, const CascadeOptions& options = {});

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/serve/cascade.ipp>
#endif
