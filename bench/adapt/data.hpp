/// The images of a run and how they are divided among the five uses of data.
#pragma once
#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/datasets/load_image_set.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/serve/shard.hpp>
#include <weir/policy/trace/loss.hpp>

#include "../progress.hpp"
#include "options.hpp"

namespace adapt {

using program::ProgressLine;

/// Some images of a set.
struct Part {
  std::shared_ptr<weir::ImageSet> set;
  std::vector<std::size_t> rows;
  std::shared_ptr<const std::vector<int>> answers = {};  ///< by row of the set, in place of its labels; or none

  std::size_t size() const { return rows.size(); }
  bool has_labels() const { return answers || set->has_labels(); }
  int label(std::size_t i) const { return answers ? (*answers)[rows[i]] : set->label(rows[i]); }
  std::vector<int> labels() const {
    std::vector<int> all;
    for (std::size_t i = 0; i < rows.size(); ++i) all.push_back(label(i));
    return all;
  }
};

struct Data {
  weir::detail::ClassNames classes;  ///< as class_names() found them when the run began
  std::string name;
  Part heads;  ///< empty: heads are cross-fitted on the policy part
  Part policy, calibration, test;
  double decode_s = 0;                    ///< mean seconds to read and decode one image file; 0 for arrays
  std::size_t n_images_in_two_parts = 0;  ///< test images that also occur in another part

  std::vector<const Part*> parts() const { return {&heads, &policy, &calibration, &test}; }
};

/// The names that labels may be: those of --classes, else of models.json; none where neither is given.
inline weir::detail::ClassNames class_names(const std::string& classes, const std::string& models_json) {
  if (!classes.empty()) return weir::detail::class_names_of(classes);
  return models_json.empty() ? weir::detail::ClassNames() : weir::detail::class_names_of_models(models_json);
}

/// What --labels says where there are none.
inline constexpr std::string_view no_labels = "none";

/// Images without labels, by what the path names; of a folder all image files in it.
inline weir::ImageSet load_unlabelled(const std::filesystem::path& path) {
  std::error_code error;
  const bool is_cifar = std::filesystem::exists(path / "data_batch_1.bin", error) ||
                        std::filesystem::exists(path / "test_batch.bin", error);
  return std::filesystem::is_directory(path, error) && !is_cifar ? weir::detail::find_images(path)
                                                                 : weir::load_image_set(path);
}

/// "FILE[a:b]" -> FILE and the rows a .. b-1; all rows without brackets. names: what labels may be instead of numbers;
/// labels may be no_labels. Throws ArgumentError, also where there are no labels and `labels_needed`.
inline Part load_part(const std::string& text, const std::string& labels, const weir::detail::ClassNames& names = {},
                      bool labels_needed = true) {
  std::string path = text;
  std::size_t first = 0, last = std::string::npos;
  if (!text.empty() && text.back() == ']' && text.rfind('[') != std::string::npos) {
    const std::size_t open = text.rfind('['), colon = text.find(':', open);
    const std::string from = text.substr(open + 1, colon - open - 1);
    const auto digits = [](const std::string& s) {
      return s.size() < 10 && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    const std::string to = colon == std::string::npos ? "x" : text.substr(colon + 1, text.size() - colon - 2);
    if (!digits(from) || !digits(to)) throw weir::ArgumentError("'" + text + "': a part is written FILE[first:end]");
    path = text.substr(0, open);
    if (!from.empty()) first = std::stoul(from);
    if (!to.empty()) last = std::stoul(to);
  }
  std::error_code error;
  const bool unlabelled =
      labels == no_labels || (!labels_needed && labels.empty() && std::filesystem::is_directory(path, error) &&
                              !std::filesystem::exists(std::filesystem::path(path) / "labels.csv", error));
  Part part{
      std::make_shared<weir::ImageSet>(unlabelled ? load_unlabelled(path) : weir::load_image_set(path, labels, names)),
      {},
      {}};
  if (!part.set->has_labels() && labels != no_labels && labels_needed)
    throw weir::ArgumentError(path +
                              ": labels are needed; name their file with --labels (--test-labels, --head-labels)");
  if (last == std::string::npos) last = part.set->size();
  if (first >= last || last > part.set->size())
    throw weir::ArgumentError("'" + text + "': there are " + std::to_string(part.set->size()) + " images");
  part.rows.resize(last - first);
  std::iota(part.rows.begin(), part.rows.end(), first);
  return part;
}

/// Shuffled by the seed (Fisher and Yates; the same on every machine).
inline void shuffle(std::vector<std::size_t>& rows, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random() % i]);
}

/// Decodes image files ahead of every measurement; returns the mean seconds for one.
inline double decode(const Data& data) {
  std::set<weir::ImageSet*> sets;
  for (const Part* p : data.parts())
    if (p->set) sets.insert(p->set.get());
  double seconds = 0;
  std::size_t n = 0;
  for (weir::ImageSet* set : sets) {
    if (!set->is_files()) continue;
    ProgressLine progress("decoding images");
    const auto start = std::chrono::steady_clock::now();
    set->decode_all([&](std::size_t done, std::size_t total) { progress(done, total); });
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    n += set->size();
  }
  return n == 0 ? 0 : seconds / static_cast<double>(n);
}

/// How many of n images are for policy, calibration and test. Throws ArgumentError for less than 20 anywhere.
struct Division {
  std::size_t policy = 0, calibration = 0, test = 0;

  Division(std::size_t n, const Options& o) {
    double to_policy = o.split[0], to_calibration = o.split[1];
    for (const double s : o.split)
      if (!(s >= 0) || !(to_policy + to_calibration > 0))
        throw weir::ArgumentError("--split: shares must not be negative, nor the first two 0");
    const bool own_test = o.test_images.empty();
    if (!o.test_part.empty()) {
      const auto [first, last] = weir::detail::parse_shard(o.test_part).range(n);
      test = last - first;
    } else if (own_test) {
      test = static_cast<std::size_t>(o.split[2] / (to_policy + to_calibration + o.split[2]) * static_cast<double>(n));
    } else {  // the default of 1/2 and 1/4 would leave calibration short: it gets as much as the policy
      to_calibration = std::max(to_policy, to_calibration);
    }
    policy = static_cast<std::size_t>(to_policy / (to_policy + to_calibration) * static_cast<double>(n - test));
    calibration = n - test - policy;
    if (policy < 20 || calibration < 20 || (own_test && test < 20))
      throw weir::ArgumentError("policy, calibration and test parts need at least 20 images each; --images has " +
                                std::to_string(n));
  }
};

/// Throws ArgumentError for a loss that is 0 whatever is answered: one of the k best of k classes or fewer.
inline void check_loss(const std::string& name, std::size_t classes) {
  const weir::Loss loss(name);
  if (loss.k() > 0 && static_cast<std::size_t>(loss.k()) >= classes)
    throw weir::ArgumentError("--loss " + name + ": with " + std::to_string(classes) +
                              " classes every answer is among the best " + std::to_string(loss.k()) +
                              ", so nothing is ever wrong; take --loss top1" +
                              (classes > 2 ? " to top" + std::to_string(classes - 1) : ""));
}

/// Refuses a guarantee that the calibration part is too small for, or that the loss does not allow. Throws
/// ArgumentError that says how many images it takes and which option asks for less.
inline void check_guarantee(const Options& o, std::size_t n_calibration) {
  if (o.confidence <= 0) return;
  const std::string instead =
      "give more images, a larger --max-loss or a smaller --confidence, or say --confidence 0 to keep the budget in "
      "the "
      "mean on the calibration images, without a guarantee";
  if (!weir::Loss(o.loss).binary())
    throw weir::ArgumentError(
        "--confidence: losses of --loss " + o.loss +
        " are not 0 or 1, so no exact limit of their mean is known: say --confidence 0 to keep the "
        "budget in the mean on the calibration images, without a guarantee");
  if (o.budget == "net")
    weir::detail::require_paired_examples(n_calibration, o.max_loss, o.confidence, instead, "images");
  else
    weir::detail::require_examples(n_calibration, o.max_loss, o.confidence, "clopper_pearson", instead, "images");
}

/// The options where no images are named: Fashion-MNIST, heads from the first 50,000 training images (which the
/// networks of bench/networks were trained on), policy and calibration from the other 10,000, the test set apart.
/// Others stay as they are. Throws ArgumentError for options that are of no use with it.
inline Options with_default_images(Options o) {
  if (!o.images.empty()) return o;
  if (!o.labels.empty()) throw weir::ArgumentError("--labels needs --images, which the labels are of");
  if (!o.test_part.empty()) throw weir::ArgumentError("--test-part: Fashion-MNIST has its own test images");
  const std::string base = "/usr/share/datasets/fashion-mnist/";
  if (o.name.empty()) o.name = "Fashion-MNIST";
  o.images = base + "train-images-idx3-ubyte.gz[50000:60000]";
  o.head_images = base + "train-images-idx3-ubyte.gz[0:50000]";
  o.labels = o.head_labels = base + "train-labels-idx1-ubyte.gz";
  o.test_images = base + "t10k-images-idx3-ubyte.gz";
  o.test_labels = base + "t10k-labels-idx1-ubyte.gz";
  return o;
}

/// The images of --head-images. Heads with a hidden layer need no labels of them. Throws what load_part() throws, and
/// ArgumentError where heads learn labels and there are none.
inline Part load_head_images(const Options& o, const weir::detail::ClassNames& names) {
  const bool none = o.labels == no_labels;
  Part part = load_part(o.head_images, none ? std::string(no_labels) : o.head_labels, names, false);
  if (!none && !part.set->has_labels() && hidden_units_asked(o) == std::size_t{0})
    throw weir::ArgumentError("--head-images " + o.head_images +
                              ": exit heads of one layer (--hidden 0) learn labels; name their file with "
                              "--head-labels, or leave --hidden out: heads with a hidden layer need no labels");
  return part;
}

/// Loads and divides; image files are not decoded yet. Throws what loading throws, and ArgumentError for parts that are
/// too small for what is asked of them.
inline Data load_data(const Options& o) {
  const bool unlabelled = o.labels == no_labels;
  const auto labels = [&](const std::string& file) { return unlabelled ? std::string(no_labels) : file; };
  Data data;
  data.name = (o.name.empty() ? o.images : o.name) + (unlabelled ? ", labelled by what the full network answers" : "");
  data.classes = class_names(o.classes, o.preprocess);
  const weir::detail::ClassNames& names = data.classes;
  Part images = load_part(o.images, o.labels, names);
  shuffle(images.rows, o.seed);
  if (!o.head_images.empty()) data.heads = load_head_images(o, names);
  const Division n(images.size(), o);
  check_guarantee(o, n.calibration);
  // The test part comes last; where it is one of several, that one is put there.
  if (!o.test_part.empty()) {
    const auto last = weir::detail::parse_shard(o.test_part).range(images.size()).second;
    std::rotate(images.rows.begin(), images.rows.begin() + static_cast<std::ptrdiff_t>(last), images.rows.end());
  }
  const auto piece = [&](std::size_t from, std::size_t to) {
    return Part{images.set,
                {images.rows.begin() + static_cast<std::ptrdiff_t>(from),
                 images.rows.begin() + static_cast<std::ptrdiff_t>(to)},
                {}};
  };
  data.policy = piece(0, n.policy);
  data.calibration = piece(n.policy, n.policy + n.calibration);
  data.test = o.test_images.empty() ? piece(images.size() - n.test, images.size())
                                    : load_part(o.test_images, labels(o.test_labels), names);
  if (o.measure > 0 && o.measure < data.test.size()) {
    shuffle(data.test.rows, o.seed + 1);
    data.test.rows.resize(o.measure);
  }
  return data;
}

/// The data with all image files decoded, how long that took, and how many test images occur in other parts too.
inline Data decoded(Data data) {
  data.decode_s = decode(data);
  std::set<std::uint64_t> seen;
  for (const Part* p : {&data.heads, &data.policy, &data.calibration})
    for (const std::size_t r : p->rows) seen.insert(p->set->content_hash(r));
  for (const std::size_t r : data.test.rows) data.n_images_in_two_parts += seen.count(data.test.set->content_hash(r));
  return data;
}

}  // namespace adapt
