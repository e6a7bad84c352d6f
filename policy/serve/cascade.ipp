// What cascade.hpp declares.
#pragma once
#include <mutex>
#include <utility>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

namespace weir {

/// What all copies of a cascade share.
struct Cascade::Shared {
  /// What one call runs with.
  struct Worker {
    CascadeExecutor executor;
    CascadeInputs inputs;
    std::vector<std::uint64_t> ids;
    std::vector<CascadeAnswer> answers;
    InputMaker maker() {
      return [this](std::size_t network, std::size_t row, View out) { inputs.fill(network, row, out); };
    }
  };

  MixedPolicy policy;
  StoredCascade stored;
  Context context;
  bool is_mixed;  ///< an image's id matters
  std::mutex mutex;
  std::vector<std::unique_ptr<Worker>> idle;
  std::size_t n_workers = 0;

  Shared(MixedPolicy p, StoredCascade s, const ContextOptions& c)
      : policy(std::move(p)), stored(std::move(s)), context(c), is_mixed(!(policy.a == policy.b)) {}

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
    return is_mixed ? hash() : 0;
  }

  Decision decision(const CascadeAnswer& a) const {
    return {a.label, {a.probabilities.begin(), a.probabilities.end()}, stored.spec->stages[a.exit].name, a.seconds};
  }

  template <typename Hash>
  std::vector<Decision> run_batch(Worker& worker, std::size_t n, std::optional<std::uint64_t> first_id,
                                  const Hash& hash) const {
    worker.ids.clear();
    for (std::size_t i = 0; i < n; ++i) worker.ids.push_back(first_id ? *first_id + i : id_of([&] { return hash(i); }));
    worker.executor.run_batch(policy, worker.ids, worker.maker(), worker.answers);
    std::vector<Decision> decisions;
    for (const CascadeAnswer& a : worker.answers) decisions.push_back(decision(a));
    return decisions;
  }
};

WEIR_INLINE Cascade::Cascade(const PolicyFile& file, const std::filesystem::path& path, const CascadeOptions& options)
    : shared_(std::make_shared<Shared>(file.policy, read_cascade(file, path, {options.networks, options.allow_outside}),
                                       options.context)) {}

WEIR_INLINE const CascadeSpec& Cascade::spec() const { return *shared_->stored.spec; }
WEIR_INLINE const MixedPolicy& Cascade::policy() const { return shared_->policy; }
WEIR_INLINE const StoredCascade& Cascade::stored() const { return shared_->stored; }
WEIR_INLINE const Context& Cascade::context() const { return shared_->context; }

WEIR_INLINE std::uint64_t Cascade::default_id(ImageView image) const {
  return shared_->id_of([&] { return fnv1a(Shared::chars(image.bytes())); });
}

WEIR_INLINE void Cascade::preload(std::size_t batch) const {
  const Shared::Lease worker(*shared_);
  worker->executor.preload(batch);
}

WEIR_INLINE Decision Cascade::run(ImageView image, std::optional<std::uint64_t> id) const {
  const Shared::Lease worker(*shared_);
  worker->inputs.begin(std::span(&image, 1));
  return decision(worker->executor.run_one(policy(), worker->maker(), id ? *id : default_id(image)));
}

WEIR_INLINE std::vector<Decision> Cascade::run(std::span<const ImageView> images,
                                               std::optional<std::uint64_t> first_id) const {
  const Shared::Lease worker(*shared_);
  worker->inputs.begin(images);
  return shared_->run_batch(*worker, images.size(), first_id,
                            [&](std::size_t i) { return fnv1a(Shared::chars(images[i].bytes())); });
}

WEIR_INLINE std::vector<Decision> Cascade::run(ConstView x, std::optional<std::uint64_t> first_id) const {
  const Shared::Lease worker(*shared_);
  worker->inputs.begin(x);
  const auto n = static_cast<std::size_t>(x.shape[0]);
  return shared_->run_batch(*worker, n, first_id, [&](std::size_t i) {
    return fnv1a(Shared::chars(x.span().subspan(i * (x.size() / n), x.size() / n)));
  });
}

WEIR_INLINE Decision Cascade::decision(const CascadeAnswer& answer) const { return shared_->decision(answer); }

WEIR_INLINE Cascade load_policy(const std::filesystem::path& path, const CascadeOptions& options) {
  return {read_policy_file(path), path, options};
}

}  // namespace weir
