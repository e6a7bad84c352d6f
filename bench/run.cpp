// Answers images with a policy.
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <exception>
#include <filesystem>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/datasets/load_image_set.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/images/image.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_stream.hpp>

#include "cascade_options.hpp"
#include "crop_warning.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "progress.hpp"

namespace {

struct RunArguments : program::CascadeArguments {
  std::string labels;
  std::vector<std::string> images;

  RunArguments() : CascadeArguments(20) {}
};

std::string number(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// Prints answers in the order in which images came, each as soon as it and those before it are there.
class Answers {
 public:
  /// total: images that will come, 0 where that is not known.
  Answers(const weir::detail::ClassNames& names, std::size_t total)
      : names_(names), total_(total), progress_("answering") {
    std::fputs(weir::detail::csv_line({"file", "label", "name", "probability", "exit", "ms"}).c_str(), stdout);
    std::fflush(stdout);
    printer_ = std::thread([this] { print_all(); });
  }
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;
  ~Answers() { finish(); }

  /// Waits while too many answers are on their way to the output.
  void add(std::string file, std::future<weir::Decision> decision) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] { return waiting_.size() < max_waiting; });
    waiting_.emplace_back(std::move(file), std::move(decision));
    has_work_.notify_one();
  }

  /// Prints what is left. Returns how many images had no answer.
  std::size_t finish() {
    if (printer_.joinable()) {
      {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        has_work_.notify_one();
      }
      printer_.join();
    }
    return failed_;
  }

  std::size_t printed() const { return printed_; }

 private:
  using Waiting = std::pair<std::string, std::future<weir::Decision>>;

  std::optional<Waiting> next() {
    std::unique_lock lock(mutex_);
    has_work_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
    if (waiting_.empty()) return std::nullopt;
    Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    has_room_.notify_one();
    return first;
  }

  void print_all() {
    while (auto one = next()) {
      try {
        const weir::Decision d = one->second.get();
        const auto c = static_cast<std::size_t>(d.label);
        std::fputs(weir::detail::csv_line(
                       {one->first, std::to_string(d.label), c < names_.size() ? names_.names()[c] : "",
                        c < d.probabilities.size() ? number("%.6f", static_cast<double>(d.probabilities[c])) : "",
                        d.exit, number("%.3f", 1e3 * d.seconds)})
                       .c_str(),
                   stdout);
        std::fflush(stdout);
      } catch (const std::exception& e) {
        ++failed_;
        std::fprintf(stderr, "error: %s\n", weir::detail::printable(e.what()).c_str());
      }
      ++printed_;
      if (total_ > 0) progress_(printed_, total_);
    }
  }

  static constexpr std::size_t max_waiting = 4096;
  const weir::detail::ClassNames& names_;
  std::size_t total_, failed_ = 0, printed_ = 0;
  program::ProgressLine progress_;
  std::mutex mutex_;
  std::condition_variable has_work_, has_room_;
  std::deque<Waiting> waiting_;
  bool ended_ = false;
  std::thread printer_;
};

/// One image, a folder, or an array.
weir::ImageSet images_of(const std::string& images, const std::string& labels) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(images, error);
  if (!is_folder && weir::detail::is_image_name(images))  // one that is missing has no answer; the others have
    return weir::ImageSet::from_files({images}, {images}, {}, images);
  if (is_folder && labels.empty() && !std::filesystem::exists(std::filesystem::path(images) / "test_batch.bin", error))
    return weir::detail::find_images(images);
  return weir::load_image_set(images, labels);
}

weir::Image copy_of(weir::ImageView image) {
  return {{image.bytes().begin(), image.bytes().end()}, image.height, image.width, image.channels};
}

void answer_images(const RunArguments& a) {
  const weir::detail::ClassNames names = a.class_names();
  std::vector<weir::ImageSet> sets;
  std::size_t total = 0;
  bool from_list = false;
  for (const std::string& images : a.images) {
    if (images == "-") {
      from_list = true;
      continue;
    }
    sets.push_back(images_of(images, a.labels));
    if (sets.back().is_float())
      throw weir::ArgumentError(images + ": floats, and a policy answers images; for arrays of floats see weir infer");
    total += sets.back().size();
  }
  const weir::Cascade cascade = weir::load_policy(
      a.policy,
      {.networks = a.networks, .context = {.threads = a.threads, .isa = a.isa}, .allow_outside = a.allow_outside});
  cascade.preload(a.batch);
  program::CropWarnings crops(cascade);
  const auto seen = [&](weir::Image image) {
    crops.look_at(image,
                  [](const std::string& text) { std::fprintf(stderr, "%s\n", weir::detail::printable(text).c_str()); });
    return image;
  };
  Answers answers(names, from_list ? 0 : total);
  {
    weir::CascadeStream stream(
        cascade, {.batch = a.batch,
                  .in_flight = a.batch * (cascade.spec().n_networks() + static_cast<std::size_t>(a.workers)),
                  .max_wait_s = 1e-3 * a.max_wait_ms,
                  .workers = a.workers});
    for (const weir::ImageSet& set : sets)
      for (std::size_t i = 0; i < set.size(); ++i)
        answers.add(set.name(i), set.is_files() ? stream.submit([&, i] { return seen(set.decode(i)); })
                                                : stream.submit(seen(copy_of(set.image(i)))));
    std::string line;
    while (from_list && std::getline(std::cin, line)) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty()) answers.add(line, stream.submit([&, line] { return seen(weir::read_image(line)); }));
    }
    stream.finish();
  }
  const std::size_t failed = answers.finish();
  if (failed > 0)
    throw weir::IoError(std::to_string(failed) + " of " + std::to_string(answers.printed()) +
                        " images have no answer; the messages above say why");
}

}  // namespace

int weir::programs::run(int argc, char** argv) {
  program::App app{
      "Answers images with a policy: CSV with file, label, name, probability, exit and ms, in the order of the "
      "images.\n"
      "ms is the time from taking an image to its answer, waiting for batch-mates included.",
      "  @ results/policy.json folder/ --allow-outside > answers.csv\n"
      "  find . -name '*.jpg' | @ bundle/policy.json - --workers 2\n"};
  RunArguments a;
  a.add_to(app);
  app.add_option("images", a.images,
                 "image files, folders, .npy (uint8), CIFAR-10 binary or IDX; - reads names of image files from the "
                 "standard input, one a line")
      ->required();
  app.add_option("--labels", a.labels, "CSV with file,label that lists the images of a folder; else all of its images");
  return program::run(app, argc, argv, [&] { answer_images(a); });
}
