/// A crop that most of an image falls to is rarely meant: what programs say of it.
#pragma once
#include <atomic>
#include <cstdio>
#include <deque>
#include <string>
#include <vector>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

namespace program {

/// "warning: ..." where less than 40 % of an image is in the crop that a network sees, else "". in: the file that says
/// how this network's input is made.
inline std::string crop_warning(const std::string& network, const weir::Preprocess& preprocess, weir::ImageView image,
                                const std::string& in) {
  const double seen = preprocess.share_seen(image);
  if (seen >= 0.4) return {};
  char share[32];
  std::snprintf(share, sizeof share, "%.0f", 100 * seen);
  const std::string crop = std::to_string(preprocess.options().crop);
  return "warning: " + network + " sees only " + share + " % of an image of " + std::to_string(image.height) + " x " +
         std::to_string(image.width) + ": its central crop of " + crop + "; \"resize\": " + crop + " in " + in +
         " would shrink images first";
}

/// Says them, a line each.
inline void say_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& w : warnings) std::printf("%s\n", weir::detail::printable(w).c_str());
}

/// Says so of a cascade's networks, of each once. Any number of threads may call it.
class CropWarnings {
 public:
  explicit CropWarnings(const weir::Cascade& cascade) : cascade_(cascade), said_(cascade.stored().networks.size()) {}

  /// say(text) gets the warnings that this image is the first to give cause for.
  template <typename Say>
  void look_at(weir::ImageView image, const Say& say) {
    for (std::size_t n = 0; n < said_.size(); ++n) {
      const weir::detail::StoredNetwork& network = cascade_.stored().networks[n];
      if (!network.preprocess || said_[n]) continue;
      const std::string warning =
          crop_warning(network.file.filename().string(), *network.preprocess, image, "the policy file");
      if (!warning.empty() && !said_[n].exchange(true)) say(warning);
    }
  }

 private:
  weir::Cascade cascade_;
  std::deque<std::atomic<bool>> said_;
};

}  // namespace program
