/// Networks that were made with exits: which of their tensors are answers already.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/core/network.hpp>

namespace weir {

/// The outputs with as many values for an example as the first output, in the order in which they are computed (that
/// which depends on most work comes last, see sort_by_outputs): of a classifier with exits of its own (BranchyNet,
/// Teerapittayanon et al., ICPR 2016; MSDNet, Huang et al., ICLR 2018) its answers, whatever the order in which the
/// file names them; inputs and constants that are outputs are none. The last one is the full network's.
inline std::vector<std::string> answer_tensors(const Network& network) {
  const std::vector<std::string> outputs = network.output_names(), all = network.tensor_names();
  const auto values = [&](const std::string& tensor) { return network.shape_of(tensor).numel(); };
  const auto position = [&](const std::string& tensor) { return std::ranges::find(all, tensor) - all.begin(); };
  std::vector<std::string> answers;
  for (const std::string& o : outputs)
    if (values(o) == values(outputs.front()) && std::ranges::count(answers, o) == 0 && std::ranges::count(all, o) > 0)
      answers.push_back(o);
  if (answers.empty()) answers.push_back(outputs.front());
  std::ranges::sort(answers, {}, position);
  return answers;
}

/// The tensor that the full network answers with.
inline std::string answer_tensor(const Network& network) { return answer_tensors(network).back(); }

}  // namespace weir
