// What answers_inside.hpp declares.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/core/network.hpp>
#include <weir/policy/exits/answers_inside.hpp>

namespace weir::detail {

WEIR_INLINE std::vector<std::string> answer_tensors(const Network& network) {
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

WEIR_INLINE std::string answer_tensor(const Network& network) { return answer_tensors(network).back(); }

}  // namespace weir::detail
