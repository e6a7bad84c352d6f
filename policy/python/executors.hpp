/// Executors that Python's threads take and give back.
#pragma once
#include <memory>
#include <mutex>
#include <vector>
#include <weir/core/executor.hpp>

namespace weir::python {

/// A network and its options, with the executors that stand ready: any number of threads may run it, each call with an
/// executor of its own.
class Runner {
 public:
  Runner(Network network, Context context) : network_(std::move(network)), context_(std::move(context)) {}

  const Network& network() const { return network_; }
  const Context& context() const { return context_; }

  std::unique_ptr<Executor> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto executor = std::move(free_.back());
        free_.pop_back();
        return executor;
      }
    }
    return std::make_unique<Executor>(network_, context_);
  }
  void give_back(std::unique_ptr<Executor> executor) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(executor));
  }

 private:
  Network network_;
  Context context_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Executor>> free_;
};

}  // namespace weir::python
