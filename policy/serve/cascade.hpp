/// Cascade: a learned policy and its networks as one object that any number of threads may run.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/policy/cascade_executor.hpp>
#include <weir/policy/policy_file.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

namespace weir {

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
};

/// A policy that runs. Made by load_policy(); copies share everything. All members may be called from any number of
/// threads at once: each call takes one of the executors that stand ready, or makes one more, so there are as many as
/// calls at once. A network is loaded when the first image needs it, and that call waits.
///
/// Where the policy is a mix of two (MixedPolicy), an image's id picks between them. By default that is the hash of its
/// pixels: the same image always takes the same way, alone or in any batch.
class Cascade {
 public:
  /// file: what policy_from_text() gave; path: where it lies. Throws as read_cascade().
  Cascade(const PolicyFile& file, const std::filesystem::path& path, const CascadeOptions& options = {})
      : shared_(std::make_shared<Shared>(
            file.policy, read_cascade(file, path, {options.networks, options.allow_outside}), options.context)) {}

  const CascadeSpec& spec() const { return *shared_->stored.spec; }
  const MixedPolicy& policy() const { return shared_->policy; }
  const StoredCascade& stored() const { return shared_->stored; }
  const Context& context() const { return shared_->context; }

  /// The id of an image that comes without one; costs a pass over its pixels where the policy is a mix.
  std::uint64_t default_id(ImageView image) const {
    return id_of([&] { return fnv1a(chars(image.bytes())); });
  }

  /// One image (8 bits a channel, grey or RGB). Throws ArgumentError for an image without pixels, NotFiniteError where
  /// a network answers NaN or infinity; on a network's first use what load_network() and CascadeSpec::network() throw.
  Decision run(ImageView image, std::optional<std::uint64_t> id = {}) const {
    Lease worker(*shared_);
    worker->inputs.begin(std::span(&image, 1));
    return decision(worker->executor.run_one(policy(), worker->maker(), id ? *id : default_id(image)));
  }

  /// A batch, in order; image i has the id first_id + i if one is given. Bit-equal to one call for each image. Images
  /// that exit leave the batch; memory grows with its size.
  std::vector<Decision> run(std::span<const ImageView> images, std::optional<std::uint64_t> first_id = {}) const {
    Lease worker(*shared_);
    worker->inputs.begin(images);
    return run_batch(*worker, images.size(), first_id, [&](std::size_t i) { return fnv1a(chars(images[i].bytes())); });
  }

  /// A batch of network inputs [N, ...], as preprocessing would make them (for policies learned on float tensors, and
  /// where all networks share one preprocessing). Throws ArgumentError, ShapeError where it does not fit.
  std::vector<Decision> run(ConstView x, std::optional<std::uint64_t> first_id = {}) const {
    Lease worker(*shared_);
    worker->inputs.begin(x);
    const auto n = static_cast<std::size_t>(x.shape[0]);
    return run_batch(*worker, n, first_id,
                     [&](std::size_t i) { return fnv1a(chars(x.span().subspan(i * (x.size() / n), x.size() / n))); });
  }

  /// An answer with its stage's name.
  Decision decision(const CascadeAnswer& a) const {
    return {a.label, {a.probabilities.begin(), a.probabilities.end()}, spec().stages[a.exit].name, a.seconds};
  }

 private:
  struct Worker {
    CascadeExecutor executor;
    CascadeInputs inputs;
    std::vector<std::uint64_t> ids;
    std::vector<CascadeAnswer> answers;
    InputMaker maker() {
      return [this](std::size_t network, std::size_t row, View out) { inputs.fill(network, row, out); };
    }
  };

  struct Shared {
    MixedPolicy policy;
    StoredCascade stored;
    Context context;
    bool is_mixed;  ///< an image's id matters
    std::mutex mutex;
    std::vector<std::unique_ptr<Worker>> idle;
    std::size_t n_workers = 0;

    Shared(MixedPolicy p, StoredCascade s, const ContextOptions& c)
        : policy(std::move(p)), stored(std::move(s)), context(c), is_mixed(!(policy.a == policy.b)) {}
  };

  /// A worker of one's own for the time of a call.
  class Lease {
   public:
    explicit Lease(Shared& shared) : shared_(shared) {
      {
        const std::lock_guard lock(shared.mutex);
        if (!shared.idle.empty()) {
          worker_ = std::move(shared.idle.back());
          shared.idle.pop_back();
          return;
        }
      }
      worker_.reset(new Worker{
          CascadeExecutor(shared.stored.spec, shared.context), CascadeInputs(shared.stored.preprocessing()), {}, {}});
      const std::lock_guard lock(shared.mutex);
      shared.idle.reserve(++shared.n_workers);  // so that giving back never allocates
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      const std::lock_guard lock(shared_.mutex);
      shared_.idle.push_back(std::move(worker_));
    }
    Worker* operator->() const { return worker_.get(); }
    Worker& operator*() const { return *worker_; }

   private:
    Shared& shared_;
    std::unique_ptr<Worker> worker_;
  };

  template <typename T>
  static std::span<const char> chars(std::span<const T> values) {
    const auto bytes = std::as_bytes(values);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  /// An id costs a pass over the pixels: only a true mix asks for it.
  template <typename Hash>
  std::uint64_t id_of(const Hash& hash) const {
    return shared_->is_mixed ? hash() : 0;
  }

  template <typename Hash>
  std::vector<Decision> run_batch(Worker& worker, std::size_t n, std::optional<std::uint64_t> first_id,
                                  const Hash& hash) const {
    worker.ids.clear();
    for (std::size_t i = 0; i < n; ++i) worker.ids.push_back(first_id ? *first_id + i : id_of([&] { return hash(i); }));
    worker.executor.run_batch(policy(), worker.ids, worker.maker(), worker.answers);
    std::vector<Decision> decisions;
    for (const CascadeAnswer& a : worker.answers) decisions.push_back(decision(a));
    return decisions;
  }

  std::shared_ptr<Shared> shared_;
};

/// The policy of a policy.json, ready to run: `auto cascade = load_policy("policy.json"); cascade.run(image)`. Network
/// files are looked for, but only read when they first run. Throws FormatError naming file and field for anything
/// damaged, hostile or missing (a file of version 1 says which networks only in part), IoError.
inline Cascade load_policy(const std::filesystem::path& path, const CascadeOptions& options = {}) {
  return {read_policy_file(path), path, options};
}

}  // namespace weir
