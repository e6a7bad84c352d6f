/// How Winograd's convolutions cut an image into tiles and strips, and what that costs.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <weir/core/kernels/conv2d/algorithm.hpp>
#include <weir/core/machine_costs.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// What these sizes depend on of an algorithm F(YxY, KxK) of stride S; see Winograd and winograd::Phases.
struct WinogradForm {
  std::int64_t Y, S;
  int positions, products;
  bool plain;  ///< x is plain, not blocked
};

/// The part of Winograd that is the same for all forms.
class WinogradSizes : public Conv2dAlgorithm {
 public:
  std::string tile() const override {
    const EvenParts parts(down_ * across_, micro_->max_rows);
    return std::to_string(parts.size(parts.count - 1)) + "x" +
           std::to_string(std::min(M_ + micro_->lanes - 1, micro_->width()) / micro_->lanes * micro_->lanes);
  }

  /// In the units of Direct.
  double cost() const override {
    const std::int64_t tiles = down_ * across_;
    const auto groups = static_cast<double>(params_.groups);
    return cycles_with_weights(groups * (input_cycles(tiles) + output_cycles(tiles)), groups * weights_of_group());
  }

 protected:
  WinogradSizes(WinogradForm form, const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : form_(form),
        params_(p),
        micro_(&micro),
        H_(x[2]),
        W_(x[3]),
        OH_(p.output_shape(x)[2]),
        OW_(p.output_shape(x)[3]),
        C_(p.in_channels / p.groups),
        M_(p.out_channels / p.groups),
        pixel_floats_(form.plain ? 1 : micro.lanes),
        planes_(round_up(C_, pixel_floats_) / pixel_floats_),
        blocks_((M_ + micro.width() - 1) / micro.width()),
        down_((OH_ + form.Y - 1) / form.Y),
        across_((OW_ + form.Y - 1) / form.Y),
        // With S = 2, U is larger, and to read it less often is worth more.
        // A plain image has few channels, and what a strip's sums take counts more than its V.
        most_tiles_(round_up(
            form.plain ? 2 * micro.max_rows
                       : std::max<std::int64_t>(form.S * detail::machine_costs.conv_input_floats / (form.products * C_),
                                                micro.max_rows),
            across_)),
        cut_(most_tiles_ >= 2 * micro.max_rows ? micro.max_rows : 1),
        pitch_(most_tiles_ + cut_),
        // Nine tenths of what two fused multiply-adds of a vector make in each cycle.
        operations_(detail::machine_costs.operations_per_cycle * static_cast<double>(micro.lanes) *
                    WinogradSizes::cost()) {}

  /// The numbers of ranges that tiles and output channels are cut in; a thread for each pair.
  struct Grid {
    std::int64_t tiles, channels;
  };

  /// Of at most `pieces` pairs. A thread transforms what it needs of the input for itself, which takes less time than
  /// fetching V from another's cache, but as often as there are ranges of channels; and it reads U for its channels, as
  /// often as there are ranges of tiles. So few large images are cut into tiles, and many channels of small ones
  /// shared.
  Grid share_out(std::int64_t tiles, std::int64_t pieces) const {
    Grid best{1, 1};
    double least = std::numeric_limits<double>::infinity();
    for (std::int64_t c = 1; c <= pieces; ++c) {
      const std::int64_t t = std::min(pieces / c, tiles), n = (tiles + t - 1) / t, items = blocks_ * parts_of(n);
      if (c > items) break;
      const std::int64_t most = (items + c - 1) / c, blocks = (most * blocks_ + items - 1) / items;
      const double fetched = (c > 1 ? detail::machine_costs.fetched_from_others : 1.0) *
                             input_cycles(n);  // part of x lies in other threads' caches
      const double computed = output_cycles(n) * static_cast<double>(most) / static_cast<double>(items);
      // U that others read too, one of them fetches for all.
      const double weights = (t > 1 ? detail::machine_costs.weights_shared : 1.0) * static_cast<double>(blocks) /
                             static_cast<double>(blocks_) * cycles_with_weights(0, weights_of_group());
      if (const double cycles = std::hypot(fetched + computed, weights); cycles < least) {
        least = cycles;
        best = {t, c};
      }
    }
    return best;
  }

  double weights_of_group() const { return static_cast<double>(form_.products * C_ * M_); }

  /// Cycles for V of this number of tiles of a group.
  double input_cycles(std::int64_t tiles) const {
    return (form_.plain ? detail::machine_costs.winograd_input_pixel / micro_->lanes
                        : detail::machine_costs.winograd_input_vector) *
           form_.products * static_cast<double>(planes_ * tiles);
  }

  /// Cycles for y of this number of tiles of a group.
  double output_cycles(std::int64_t tiles) const {
    const std::int64_t parts = parts_of(tiles), rows = tiles / parts, larger = tiles % parts;
    const auto block = [&](std::int64_t vectors) {
      return form_.products * (static_cast<double>(parts - larger) * conv_tile_cycles(C_, rows, vectors) +
                               static_cast<double>(larger) * conv_tile_cycles(C_, rows + 1, vectors)) +
             form_.positions * (detail::machine_costs.tile_start * static_cast<double>(parts) +
                                detail::machine_costs.winograd_output_vector * static_cast<double>(tiles * vectors));
    };
    return static_cast<double>(blocks_ - 1) * block(2) + block(vectors(blocks_ - 1));
  }

  /// Calls f(group, first tile, end) for each strip of the tiles first .. last-1, which are counted row by row over all
  /// images, and each group.
  template <class F>
  void for_strips(std::int64_t first, std::int64_t last, const F& f) const {
    const EvenParts strips(last - first, most_tiles_);
    const auto cut = [&](std::int64_t s) { return std::min(last, first + round_up(strips.first(s), cut_)); };
    for (std::int64_t s = 0; s < strips.count; ++s)
      for (std::int64_t g = 0; g < params_.groups; ++g) f(g, cut(s), cut(s + 1));
  }

  /// Register tiles of a strip of this number of tiles.
  std::int64_t parts_of(std::int64_t tiles) const { return EvenParts(tiles, micro_->max_rows).count; }

  std::int64_t vectors(std::int64_t b) const { return M_ - b * micro_->width() > micro_->lanes ? 2 : 1; }

  WinogradForm form_;
  Conv2dParams params_;
  const Microkernels* micro_;
  std::int64_t H_, W_, OH_, OW_, C_, M_;
  std::int64_t pixel_floats_;     ///< of a plane of x
  std::int64_t planes_, blocks_;  ///< of one group: planes of x, widths of M_
  std::int64_t down_, across_;    ///< tiles of one image
  std::int64_t most_tiles_;       ///< of a strip, about
  std::int64_t cut_;              ///< strips begin at multiples of it: long ones between full register tiles
  std::int64_t pitch_;            ///< tiles that a strip has room for
  double operations_;             ///< of a product that takes as long as an image, transforms and all
};

}  // namespace weir::kernels
