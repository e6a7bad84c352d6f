/// Images without labels: what the full network answers stands for them.
#pragma once
#include <algorithm>
#include <memory>
#include <span>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/policy/exits/probabilities.hpp>

#include "heads.hpp"

namespace adapt {

/// The part with the class that the full network answers as the label of every image: a loss is then a disagreement
/// with that network. The part's images are decoded.
inline Part labelled_by_full_network(Part part, const Options& o, const Models& models) {
  if (part.size() == 0) return part;
  ProgressLine progress("asking the full network about " + std::to_string(part.size()) + " images");
  const std::size_t full = models.all.size() - 1;
  const Model& model = models.all[full];
  const auto fill = models.maker(part, {full});
  weir::Executor run(model.network, all_cores(o));
  weir::Tensor x(model.network.input_shape());
  std::vector<float> p(models.n_classes());
  std::vector<int> answers(part.set->size(), 0);
  for (std::size_t i = 0; i < part.size(); ++i) {
    fill(0, i, x.view());
    run.begin(x);
    const std::span<const float> y = run.advance_to(model.answer).span();
    if (model.logits)
      weir::detail::softmax(y, p);
    else
      p.assign(y.begin(), y.end());
    answers[part.rows[i]] = static_cast<int>(std::max_element(p.begin(), p.end()) - p.begin());
    progress(i + 1, part.size());
  }
  part.answers = std::make_shared<const std::vector<int>>(std::move(answers));
  return part;
}

}  // namespace adapt
