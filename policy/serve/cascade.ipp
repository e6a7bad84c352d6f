// What cascade.hpp declares.
#pragma once
#include <algorithm>
#include <mutex>
#include <utility>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/run/shift_monitor.hpp>
#include <weir/policy/run/shift_reference.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_audit.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

namespace weir {

/// What all copies of a cascade share.
struct Cascade::Shared {
  /// What one call runs with.
  struct Worker {
    CascadeExecutor executor;
    detail::CascadeInputs inputs;
    std::vector<std::uint64_t> ids;
    std::vector<CascadeAnswer> answers;
    std::vector<std::size_t> preloaded;  ///< sizes of batch
    InputMaker maker() {
      return [this](std::size_t network, std::size_t row, View out) { inputs.fill(network, row, out); };
    }
  };

  /// A monitor that images of any thread are shown.
  class Watch {
   public:
    /// names: the features of stage 0. Throws FormatError for a reference to others.
    Watch(ShiftReference reference, const std::vector<std::string>& names)
        : names_(std::move(reference.features)), monitor_(std::move(reference.tests), reference.run_length) {
      for (const std::string& name : names_) {
        const auto at = std::ranges::find(names, name);
        if (at == names.end())
          throw FormatError(detail::message({"'watch': stage 0 has no feature '", name.substr(0, 100), "'"}));
        columns_.push_back(static_cast<std::size_t>(at - names.begin()));
      }
      row_.resize(columns_.size());
    }

    void observe(std::size_t exit, std::span<const double> features) {
      const std::lock_guard lock(mutex_);
      for (std::size_t j = 0; j < columns_.size(); ++j) row_[j] = features[columns_[j]];
      if (monitor_.observe(exit, row_) && first_ == 0) first_ = monitor_.seen();
    }

    ShiftFigures figures() const {
      const std::lock_guard lock(mutex_);
      const std::size_t loudest = monitor_.loudest();
      return {monitor_.seen(),
              monitor_.statistic(),
              monitor_.run_length(),
              monitor_.alarm(),
              first_,
              loudest == 0 ? "exits" : names_[loudest - 1]};
    }

   private:
    mutable std::mutex mutex_;
    std::vector<std::string> names_;
    std::vector<std::size_t> columns_;
    std::vector<double> row_;
    ShiftMonitor monitor_;
    std::uint64_t first_ = 0;
  };

  std::shared_ptr<detail::PolicyLadder> policies;
  detail::StoredCascade stored;
  Context context;
  bool is_mixed;  ///< an image's id matters
  std::unique_ptr<Watch> watch;
  std::unique_ptr<detail::CascadeAudit> audit;
  std::mutex mutex;
  std::vector<std::unique_ptr<Worker>> idle;
  std::size_t n_workers = 0;

  Shared(const PolicyFile& file, detail::StoredCascade s, const CascadeOptions& options,
         const std::filesystem::path& path)
      : policies(std::make_shared<detail::PolicyLadder>(ladder(file))),
        stored(std::move(s)),
        context(options.context),
        is_mixed(policies->any_mixed()) {
    std::optional<ShiftReference> reference;
    try {
      if (!file.watch.is_null()) reference = file.watch.get<ShiftReference>();
      if (reference && options.watch) watch = std::make_unique<Watch>(*reference, stored.spec->feature_names(0));
    } catch (const Error& e) {
      throw FormatError(detail::message({path.string(), ": ", e.what()}));
    }
    if (options.audit.share != 0) {
      AuditOptions own = options.audit;
      if (own.budget == 0) own.budget = budget_of(reference, own.confidence, path);
      audit =
          std::make_unique<detail::CascadeAudit>(stored, context, own, detail::content_fnv1a(to_text(file)), policies);
    }
  }

  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() {
    if (audit && audit->is_forked()) static_cast<void>(audit.release());
  }

  static std::vector<MixedPolicy> ladder(const PolicyFile& file) {
    std::vector<MixedPolicy> all{file.policy};
    for (const Policy& p : file.safer) all.push_back(MixedPolicy::pure(p));
    return all;
  }

  /// The upper limit of how often the policy disagreed on its calibration images.
  static double budget_of(const std::optional<ShiftReference>& reference, double confidence,
                          const std::filesystem::path& path) {
    if (!(confidence > 0 && confidence < 1)) throw ArgumentError("audit: the confidence must be in (0, 1)");
    const double limit = reference ? clopper_pearson_upper(reference->disagreements, reference->n, confidence) : 1.0;
    if (limit < 1) return limit;
    throw ArgumentError(
        detail::message({path.string(),
                         ": does not say how often the policy disagreed with the full network: give the audit a budget "
                         "(--audit-budget, AuditOptions::budget)"}));
  }

  /// What is kept of each answer; keep() copies the image where it is to be audited.
  template <typename Keep>
  void note(const CascadeAnswer& a, double seconds, std::size_t rung, const Keep& keep) {
    if (watch && rung == 0) watch->observe(a.exit, a.features);  // a safer policy has other exits
    if (audit) audit->decided(a, seconds, rung, keep);
  }

  static detail::CascadeAudit::Source source(ImageView v) {
    return {{{v.bytes().begin(), v.bytes().end()}, v.height, v.width, v.channels}, {}, {}};
  }

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
      worker_.reset(new Worker{CascadeExecutor(shared.stored.spec, shared.context),
                               detail::CascadeInputs(shared.stored.preprocessing()),
                               {},
                               {},
                               {}});
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

  template <typename Hash, typename Keep>
  std::vector<Decision> run_batch(Worker& worker, std::size_t n, std::optional<std::uint64_t> first_id,
                                  const Hash& hash, const Keep& keep) {
    const std::size_t rung = policies->now();
    worker.ids.clear();
    for (std::size_t i = 0; i < n; ++i) worker.ids.push_back(first_id ? *first_id + i : id_of([&] { return hash(i); }));
    worker.executor.run_batch((*policies)[rung], worker.ids, worker.maker(), worker.answers);
    std::vector<Decision> decisions;
    for (const CascadeAnswer& a : worker.answers) decisions.push_back(decision(a));
    for (std::size_t i = 0; i < n; ++i)
      note(worker.answers[i], worker.answers[i].seconds, rung, [&] { return keep(i); });
    return decisions;
  }
};

WEIR_INLINE Cascade::Cascade(const PolicyFile& file, const std::filesystem::path& path, const CascadeOptions& options)
    : shared_(std::make_shared<Shared>(
          file, detail::read_cascade(file, path, {options.networks, options.allow_outside}), options, path)) {
  if (shared_->audit) shared_->audit->set_owner(shared_);
}

WEIR_INLINE const CascadeSpec& Cascade::spec() const { return *shared_->stored.spec; }
WEIR_INLINE const MixedPolicy& Cascade::policy() const { return (*shared_->policies)[shared_->policies->now()]; }
WEIR_INLINE const detail::StoredCascade& Cascade::stored() const { return shared_->stored; }
WEIR_INLINE const Context& Cascade::context() const { return shared_->context; }

WEIR_INLINE std::uint64_t Cascade::default_id(ImageView image) const {
  return shared_->id_of([&] { return detail::fnv1a(Shared::chars(image.bytes())); });
}

WEIR_INLINE void Cascade::preload(std::size_t batch) const {
  const Shared::Lease worker(*shared_);
  worker->executor.preload(batch);
  worker->preloaded.push_back(std::max<std::size_t>(batch, 1));
}

WEIR_INLINE bool Cascade::is_preloaded(std::size_t batch) const {
  const std::lock_guard lock(shared_->mutex);
  return std::ranges::any_of(shared_->idle, [&](const auto& w) { return std::ranges::count(w->preloaded, batch) > 0; });
}

WEIR_INLINE Decision Cascade::run(ImageView image, std::optional<std::uint64_t> id) const {
  const Shared::Lease worker(*shared_);
  worker->inputs.begin(std::span(&image, 1));
  const std::size_t rung = shared_->policies->now();
  const CascadeAnswer answer =
      worker->executor.run_one((*shared_->policies)[rung], worker->maker(), id ? *id : default_id(image));
  Decision d = decision(answer);
  shared_->note(answer, answer.seconds, rung, [&] { return Shared::source(image); });
  return d;
}

WEIR_INLINE std::vector<Decision> Cascade::run(std::span<const ImageView> images,
                                               std::optional<std::uint64_t> first_id) const {
  const Shared::Lease worker(*shared_);
  worker->inputs.begin(images);
  return shared_->run_batch(
      *worker, images.size(), first_id, [&](std::size_t i) { return detail::fnv1a(Shared::chars(images[i].bytes())); },
      [&](std::size_t i) { return Shared::source(images[i]); });
}

WEIR_INLINE std::vector<Decision> Cascade::run(ConstView x, std::optional<std::uint64_t> first_id) const {
  const Shared::Lease worker(*shared_);
  worker->inputs.begin(x);
  const auto n = static_cast<std::size_t>(x.shape[0]);
  const auto row = [&](std::size_t i) { return x.span().subspan(i * (x.size() / n), x.size() / n); };
  return shared_->run_batch(
      *worker, n, first_id, [&](std::size_t i) { return detail::fnv1a(Shared::chars(row(i))); },
      [&](std::size_t i) {
        return detail::CascadeAudit::Source{{}, {row(i).begin(), row(i).end()}, x.shape.with(0, 1)};
      });
}

WEIR_INLINE std::optional<AuditFigures> Cascade::audit() const {
  return shared_->audit ? std::optional(shared_->audit->figures()) : std::nullopt;
}

WEIR_INLINE std::optional<ShiftFigures> Cascade::shift() const {
  return shared_->watch ? std::optional(shared_->watch->figures()) : std::nullopt;
}

WEIR_INLINE bool Cascade::to_safer() const {
  return shared_->audit ? shared_->audit->to_safer() : shared_->policies->step();
}

WEIR_INLINE void Cascade::finish_audits() const {
  if (shared_->audit) shared_->audit->finish();
}

WEIR_INLINE void Cascade::save_audit() const {
  if (!shared_->audit) throw ArgumentError("audit: CascadeOptions::audit asks for none");
  shared_->audit->save();
}

WEIR_INLINE Decision Cascade::decision(const CascadeAnswer& answer) const { return shared_->decision(answer); }

WEIR_INLINE Cascade load_policy(const std::filesystem::path& path, const CascadeOptions& options) {
  return {detail::read_policy_file(path), path, options};
}

}  // namespace weir
