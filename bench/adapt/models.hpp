/// The networks of a run and how images become their inputs.
#pragma once
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>
#include <weir/io/images/preprocess.hpp>
#include <weir/io/report/printable.hpp>
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

class Models {
 public:
  explicit Models(const Options& o) {
    std::map<std::string, weir::Preprocess> known;
    if (!o.preprocess.empty()) known = weir::load_preprocess(o.preprocess);
    for (const std::string& file : o.networks) {
      const std::filesystem::path path(file);
      if (!weir::detail::is_utf8(file))
        throw weir::ArgumentError("--network " + file +
                                  ": the name is not UTF-8, which policy.json could not hold; "
                                  "rename the file");
      Model m{path.stem().string(), path.string(), weir::load_onnx(path), nullptr, {}, true};
      m.answer = weir::detail::answer_tensor(m.network);
      for (const Model& other : all)
        if (other.name == m.name)
          throw weir::ArgumentError("--network " + file + ": " + other.file + " is called '" + m.name +
                                    "' too, and results go by that name; rename one of the files, or make a link of "
                                    "another name to it");
      if (m.network.state().inputs.size() != 1)
        throw weir::ArgumentError(file + ": has " + std::to_string(m.network.state().inputs.size()) + " inputs, not 1");
      if (const std::int64_t classes = m.network.output_shape().numel(); classes < 2)
        throw weir::ArgumentError(
            file + ": its answer '" + m.answer + "' is " + std::to_string(classes) +
            " value for each image, but a score for each class is needed. A network that ends in "
            "one sigmoid p can be exported with two outputs, 1 - p and p (of its logit z: 0 and z)");
      for (const Model& other : all)
        if (other.network.output_shape().numel() != m.network.output_shape().numel())
          throw weir::ArgumentError("--network " + file + " tells " + std::to_string(m.network.output_shape().numel()) +
                                    " classes apart, " + other.file + " " +
                                    std::to_string(other.network.output_shape().numel()) + "; they must be the same");
      if (!weir::detail::is_utf8(m.answer))
        throw weir::ArgumentError(file + ": the name of its answer is not UTF-8, which policy.json could not hold");
      if (const auto it = known.find(path.filename().string()); it != known.end()) {
        m.preprocess = std::make_shared<const weir::Preprocess>(it->second);
        const weir::Shape wanted = m.network.input_shape(), made = m.preprocess->shape();
        if (wanted.numel() != made.numel())
          throw weir::ShapeError(o.preprocess + " makes " + made.to_string() + " for " + file + ", which reads " +
                                 wanted.to_string());
      } else if (!o.preprocess.empty()) {
        std::vector<std::string_view> names;
        for (const auto& entry : known) names.push_back(entry.first);
        throw weir::ArgumentError(o.preprocess + ": has no entry for " + path.filename().string() +
                                  (names.empty() ? ""
                                                 : "; the nearest is " + std::string(weir::detail::nearest_name(
                                                                             path.filename().string(), names))));
      }
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
  void try_first_image(const Part& part) {
    if (part.size() == 0) return;
    for (const Model& m : all)
      if (!part.set->is_float() && !m.preprocess) throw no_preprocessing(m);
    part.set->keep_decoded(part.rows[0]);
    for (const Model& m : all)
      if (m.preprocess && !part.set->is_float()) warn_of_crop(m, part.set->image(part.rows[0]));
    for (std::size_t n = 0; n < all.size(); ++n) {
      weir::Tensor x(all[n].network.input_shape());
      fill(part, n, 0, x.view());
    }
  }

  /// Throws FormatError naming file and line for a label of the part that is none of the networks' classes.
  void check_labels(const Part& part) const {
    weir::detail::check_labels(part.labels(), n_classes(), all[0].file,
                               [&](std::size_t i) { return part.set->label_where(part.rows[i]); });
  }

  /// Looks for each network whether what it answers already is a probability distribution.
  void find_logits(const Part& part) {
    for (std::size_t n = 0; n < all.size(); ++n) all[n].logits = is_logits(part, n, all[n].answer);
  }

  /// Whether a tensor of network n is no probability distribution on the part's first image.
  bool is_logits(const Part& part, std::size_t n, const std::string& tensor) {
    weir::Executor run{all[n].network};
    weir::Tensor x(all[n].network.input_shape());
    fill(part, n, 0, x.view());
    run.begin(x);
    return !weir::detail::is_distribution(run.advance_to(tensor).span());
  }

  /// Fills the inputs of `nets` (indices into all) for the images of a part. The part and this must outlive it.
  weir::InputMaker maker(const Part& part, std::vector<std::size_t> nets) {
    return [this, &part, nets = std::move(nets)](std::size_t network, std::size_t row, weir::View out) {
      fill(part, nets[network], row, out);
    };
  }

 private:
  /// Once for each network: a crop that most of an image falls to is rarely meant.
  void warn_of_crop(const Model& m, weir::ImageView image) {
    const std::string warning = program::crop_warning(m.name, *m.preprocess, image, "models.json");
    if (warning.empty() || !warned_.insert(m.name).second) return;
    std::printf("%s\n", weir::detail::printable(warning).c_str());
  }

  static weir::ArgumentError no_preprocessing(const Model& m) {
    return weir::ArgumentError(m.file + ": 8-bit images need --preprocess models.json, which says how to scale them");
  }

  void fill(const Part& part, std::size_t n, std::size_t row, weir::View out) {
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
      m.preprocess->apply(set.image(r), out.data, scratch_);
    } else {
      throw no_preprocessing(m);
    }
  }

  weir::Preprocess::Scratch scratch_;
  std::set<std::string> warned_;
};

}  // namespace adapt
