/// CascadeStream: throughput. Images from a queue, regrouped into full batches in front of every network.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <weir/core/compile.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/policy/serve/cascade.hpp>

namespace weir {

/// in_flight of at least batch x (networks + workers - 1) makes sure that a free worker finds a full batch whenever
/// submit() has to wait.
struct StreamOptions {
  std::size_t batch = 64;       ///< images that a network runs at once
  std::size_t in_flight = 256;  ///< images taken and not answered yet; submit() waits while there are this many
  double max_wait_s = 0.05;     ///< latency limit: how long an image waits for batch-mates in front of one network
  int workers = 1;              ///< batches that run at once, each with the threads of the cascade's context
};

/// A cascade that runs on images as they come, several batches at once: workers x the context's threads should be at
/// most the cores. Several workers of one thread do more in all than one worker of several threads, which the layers of
/// a small network do not keep busy; one worker of several threads needs the memory of one.
///
/// In front of every network its images wait until they fill a batch, until one of them has waited max_wait_s, or until
/// in_flight is reached (BatchQueue); so late networks run on full batches too, though few images of each batch get
/// there. Exits inside a network make its batch smaller. Where whole batches cannot flow
/// (CascadeSpec::flows_in_batches) images run one by one, those of different batches at once. Decisions equal
/// Cascade::run's bit for bit whatever the batches and the workers, but for their seconds, which count from submit().
/// Time in which all workers are busy is not part of max_wait_s; of what waits, the longest overdue comes next.
///
/// A worker takes a batch all the way through one network: decoding (where images come as functions), preprocessing,
/// layers, gates. With two workers or more these of one batch overlap with the layers of another. The workers are one
/// thread of the stream's own and as many of oneTBB's as it has to spare (ThreadPool::pipeline): whichever is free
/// looks for the next batch, so that none is needed to hand out work and keep the time; while nothing runs, only the
/// stream's own thread waits. A flow graph with a node for each network would need that thread for max_wait_s, and a
/// bound on each edge where one for the whole is enough.
///
/// The cascade's audits and its watch for shifts (CascadeOptions) count the stream's images like those of its calls, in
/// the order in which they are answered.
///
/// Memory: in_flight images, each with the inputs that several networks share and its answers (CascadeRows); and for
/// each worker the tensors of the networks that it has run, for one batch. Networks are loaded when the first image
/// needs them; workers share their weights.
class CascadeStream {
 public:
  /// Throws ArgumentError for options out of range, and if the policy was learned on float tensors.
  explicit CascadeStream(Cascade cascade, const StreamOptions& options = {});
  CascadeStream(const CascadeStream&) = delete;
  CascadeStream& operator=(const CascadeStream&) = delete;

  /// Answers everything that was submitted.
  ~CascadeStream();

  /// An image to be decided; any thread may submit. Waits while in_flight images are on their way. What goes wrong with
  /// this image only (a network that cannot be loaded, NaN) is thrown by the future's get(). Throws ArgumentError for
  /// an image without pixels and after finish().
  std::future<Decision> submit(Image image, std::optional<std::uint64_t> id = {});

  /// An image that a worker makes (reads, decodes) by calling image() once, when its first batch runs; until then there
  /// are no pixels. What image() throws, and ArgumentError for one without pixels, the future's get() throws.
  std::future<Decision> submit(std::function<Image()> image, std::optional<std::uint64_t> id = {});

  /// No more images come for a while: until the next submit() nothing waits for batch-mates.
  void flush();

  /// No more images come: what waits need not wait for batch-mates any longer.
  void finish();

 private:
  class Workers;
  std::unique_ptr<Workers> workers_;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/serve/cascade_stream.ipp>
#endif
