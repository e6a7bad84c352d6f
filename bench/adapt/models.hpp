/// The networks of a run and how images become their inputs.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/io/images/preprocess.hpp>
#include <weir/policy/quantize/quantize.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/weir.hpp>

#include "../crop_warning.hpp"
#include "data.hpp"

namespace adapt {

struct Model {
  std::string name, file;
  weir::Network network;
  std::shared_ptr<const weir::Preprocess> preprocess;  ///< nullptr: inputs are used as they are
  std::string answer;                                  ///< the tensor that the whole network answers with
  bool logits = true;                                  ///< it is not yet a probability distribution
  std::string copy_of = {};                            ///< of an 8-bit copy that this run made: the file of its network
  std::string staged = {};  ///< of such a copy: where it lies until the results are complete, when it moves to `file`

  const std::string& given_file() const { return copy_of.empty() ? file : copy_of; }
  const std::string& present_file() const { return staged.empty() ? file : staged; }
};

/// An 8-bit copy that this run made, kept or not.
struct MadeCopy {
  std::string name, of, file;  ///< of: the name of its network; file: without a folder
  bool kept = false;
  double seconds = 0, fp32_seconds = 0;  ///< an image, measured in turn
  std::size_t batch = 1;                 ///< of those measurements
  weir::QuantizeReport report;
};

/// Reads a network. Throws ArgumentError where it cannot be one of a run: several inputs, or no score for each class.
inline Model read_model(const std::string& file) {
  const std::filesystem::path path(file);
  if (!weir::detail::is_utf8(file))
    throw weir::ArgumentError("--network " + file +
                              ": the name is not UTF-8, which policy.json could not hold; rename the file");
  Model m{path.stem().string(), path.string(), weir::load_onnx(path), nullptr, {}, true};
  m.answer = weir::detail::answer_tensor(m.network);
  if (m.network.state().inputs.size() != 1)
    throw weir::ArgumentError(file + ": has " + std::to_string(m.network.state().inputs.size()) + " inputs, not 1");
  if (const std::int64_t classes = m.network.output_shape().numel(); classes < 2)
    throw weir::ArgumentError(file + ": its answer '" + m.answer + "' is " + std::to_string(classes) +
                              " value for each image, but a score for each class is needed. A network that ends in "
                              "one sigmoid p can be exported with two outputs, 1 - p and p (of its logit z: 0 and z)");
  if (!weir::detail::is_utf8(m.answer))
    throw weir::ArgumentError(file + ": the name of its answer is not UTF-8, which policy.json could not hold");
  return m;
}

/// Throws ArgumentError where a network has the name of another one, or tells another number of classes apart.
inline void check_beside(const Model& m, const Model& other) {
  const auto classes = [](const Model& x) { return x.network.output_shape().numel(); };
  if (other.name == m.name)
    throw weir::ArgumentError("--network " + m.file + ": " + other.file + " is called '" + m.name +
                              "' too, and results go by that name; rename one of the files, or make a link of "
                              "another name to it");
  if (classes(other) != classes(m))
    throw weir::ArgumentError("--network " + m.file + " tells " + std::to_string(classes(m)) + " classes apart, " +
                              other.file + " " + std::to_string(classes(other)) + "; they must be the same");
}

/// How a models.json that has these entries makes the input of a network. Throws ArgumentError where it has none for
/// it, ShapeError where it makes another number of values than the network reads.
inline std::shared_ptr<const weir::Preprocess> preprocess_of(const Model& m, const std::string& models_json,
                                                             const std::map<std::string, weir::Preprocess>& entries) {
  const std::string name = std::filesystem::path(m.file).filename().string();
  if (const auto it = entries.find(name); it != entries.end()) {
    const weir::Shape wanted = m.network.input_shape(), made = it->second.shape();
    if (wanted.numel() != made.numel())
      throw weir::ShapeError(models_json + " makes " + made.to_string() + " for " + m.file + ", which reads " +
                             wanted.to_string());
    return std::make_shared<const weir::Preprocess>(it->second);
  }
  std::vector<std::string_view> names;
  for (const auto& entry : entries) names.push_back(entry.first);
  throw weir::ArgumentError(
      weir::detail::message({models_json, ": has no entry for ", name, weir::detail::nearest_hint(name, names)}));
}

/// The networks of a run, the full one last. They do not change while it runs: with_logits() and with_copies()
/// (copies.hpp) return others.
class Models {
 public:
  explicit Models(const Options& o) {
    std::map<std::string, weir::Preprocess> entries;
    if (!o.preprocess.empty()) entries = weir::load_preprocess(o.preprocess);
    for (const std::string& file : o.networks) {
      Model m = read_model(file);
      for (const Model& other : all) check_beside(m, other);
      if (!o.preprocess.empty()) m.preprocess = preprocess_of(m, o.preprocess, entries);
      all.push_back(std::move(m));
    }
  }

  std::vector<Model> all;
  std::vector<MadeCopy> made_copies;

  std::vector<weir::Network> networks() const {
    std::vector<weir::Network> nets;
    for (const Model& m : all) nets.push_back(m.network);
    return nets;
  }

  std::size_t n_classes() const { return static_cast<std::size_t>(all[0].network.output_shape().numel()); }

  /// Makes every network's input of a part's first image (of files only it is decoded), so that what cannot work is
  /// known before the others are decoded. Throws what Preprocess and ImageSet throw.
  void try_first_image(const Part& part) const {
    if (part.size() == 0) return;
    for (const Model& m : all)
      if (!part.set->is_float() && !m.preprocess) throw no_preprocessing(m);
    part.set->keep_decoded(part.rows[0]);
    for (std::size_t n = 0; n < all.size(); ++n) {
      weir::Tensor x(all[n].network.input_shape());
      maker(part, {n})(0, 0, x.view());
    }
  }

  /// Of each network at most one warning: a crop that most of the first image of one of these parts falls to is rarely
  /// meant. try_first_image() has seen them.
  std::vector<std::string> crop_warnings(const std::vector<const Part*>& parts) const {
    std::vector<std::string> warnings;
    for (const Model& m : all)
      for (const Part* part : parts) {
        if (part->size() == 0 || part->set->is_float() || !m.preprocess) continue;
        std::string warning =
            program::crop_warning(m.name, *m.preprocess, part->set->image(part->rows[0]), "models.json");
        if (warning.empty()) continue;
        warnings.push_back(std::move(warning));
        break;
      }
    return warnings;
  }

  /// Throws FormatError naming file and line for a label of the part that is none of the networks' classes.
  void check_labels(const Part& part) const {
    weir::detail::check_labels(part.labels(), n_classes(), all[0].file,
                               [&](std::size_t i) { return part.set->label_where(part.rows[i]); });
  }

  /// Whether a tensor of network n is no probability distribution on the part's first image.
  bool is_logits(const Part& part, std::size_t n, const std::string& tensor) const {
    weir::Executor run{all[n].network};
    weir::Tensor x(all[n].network.input_shape());
    maker(part, {n})(0, 0, x.view());
    run.begin(x);
    return !weir::detail::is_distribution(run.advance_to(tensor).span());
  }

  /// Fills the inputs of `nets` (indices into all) for the images of a part. The part and this must outlive it. Copies
  /// of one maker share a buffer: one thread at a time.
  weir::InputMaker maker(const Part& part, std::vector<std::size_t> nets) const {
    return [this, &part, nets = std::move(nets), scratch = std::make_shared<weir::Preprocess::Scratch>()](
               std::size_t network, std::size_t row, weir::View out) { fill(part, nets[network], row, out, *scratch); };
  }

 private:
  static weir::ArgumentError no_preprocessing(const Model& m) {
    return weir::ArgumentError(m.file + ": 8-bit images need --preprocess models.json, which says how to scale them");
  }

  void fill(const Part& part, std::size_t n, std::size_t row, weir::View out,
            weir::Preprocess::Scratch& scratch) const {
    const weir::ImageSet& set = *part.set;
    const Model& m = all[n];
    const std::size_t r = part.rows[row];
    if (set.is_float()) {
      const auto values = set.row(r);
      if (values.size() != out.size())
        throw weir::ShapeError(set.source() + ": images " + set.row_shape().to_string() + ", but " + m.file +
                               " reads " + out.shape.to_string());
      std::copy(values.begin(), values.end(), out.data);
    } else if (m.preprocess) {
      m.preprocess->apply(set.image(r), out.data, scratch);
    } else {
      throw no_preprocessing(m);
    }
  }
};

/// The networks, each with whether what it answers is not yet a probability distribution (Model::logits), as its answer
/// to the part's first image shows.
inline Models with_logits(Models models, const Part& part) {
  for (std::size_t n = 0; n < models.all.size(); ++n)
    models.all[n].logits = models.is_logits(part, n, models.all[n].answer);
  return models;
}

}  // namespace adapt
