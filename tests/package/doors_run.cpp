// A program that only runs: it answers images with the policy that doors.cpp left, whose networks hold an operator,
// whose gates are of a learner and see features that weir does not know. It registers what reads them, and learns
// nothing.
#include <cstdio>
#include <set>
#include <string>
#include <weir/run.hpp>

#include "own_networks.hpp"
#include "parts.hpp"

int main() {
  const weir::CascadeOptions beside{.networks = "doors"};
  try {
    (void)weir::load_policy("doors/adapted/policy.json", beside);
    return std::puts("a policy of gates that nobody registered was read"), 1;
  } catch (const weir::Error& e) {
    if (std::string(e.what()).find("below") == std::string::npos) return std::puts(e.what()), 1;
  }
  weir::register_feature_group(squared);
  weir::register_model("below", load_below);
  const weir::Cascade cascade = weir::load_policy("doors/adapted/policy.json", beside);
  const Images images(1800);
  try {
    (void)cascade.run(images.x);
    return std::puts("an operator that nobody registered was run"), 1;
  } catch (const weir::FormatError& e) {
    if (std::string(e.what()).find("com.example::Swish") == std::string::npos) return std::puts(e.what()), 1;
  }
  weir::register_operator("com.example::Swish", make_swish);
  std::set<std::string> exits;
  int wrong = 0, i = 0;
  for (const weir::Decision& d : cascade.run(images.x)) {
    exits.insert(d.exit);
    wrong += d.label != images.label[static_cast<std::size_t>(i++)] ? 1 : 0;
  }
  if (exits.size() < 2 || wrong > 0.05 * i)
    return std::printf("%d of %d wrong, %zu exits\n", wrong, i, exits.size()), 1;
  return 0;
}
