/// MachineCosts: estimated costs of a machine, by which the planner and the choice among algorithms decide.
#pragma once
#include <cstdint>

namespace weir::detail {

/// One row for each kind of machine; all figures of a row are in the units given here. They decide which algorithm
/// computes a convolution, how work is cut among threads and how many examples pass through a group of steps at a time.
/// No bit of a result depends on how a loop is cut; an algorithm is chosen by shapes only, never by a measurement while
/// the program runs, so that every run computes the same.
///
/// How a figure is found: `build/bench/conv` times one layer by every algorithm (kernels), `build/bench/gemm` matrix
/// products, `build/bench/network` whole networks on one thread and two (threads, memory, schedule). A new row is worth
/// it where another choice wins there.
struct MachineCosts {
  /// Caches, in bytes: the second level of one core, the part of it that data may fill before other data push it out,
  /// and what one core may count on of the third level.
  double second_level = 1 << 20, second_level_held = 0.75, third_level = 8 << 20;

  /// Memory, in bytes from the third-level cache that take as long as one byte from memory.
  double memory_byte = 3;
  /// Operations of a product that take as long as one byte from the third-level cache, and as loading and storing one
  /// float.
  double operations_per_byte = 3, copy_operations = 20;

  /// Threads: what handing one piece of a loop to another core takes, in operations of a product (bench/network, two
  /// threads over one on the smallest layers); and what one meeting of all threads, and starting one step, take, in
  /// bytes from the third-level cache.
  double piece_operations = 0.8e6, meet_bytes = 5e4, start_bytes = 6e3;
  /// Cost of reading rows from another core's caches, over reading them from one's own.
  double fetched_from_others = 1.4;
  /// Cost of weights that several threads read, over weights that one thread reads: the first thread fetches them for
  /// all.
  double weights_shared = 0.65;
  /// Floats of weights that every thread may as well read for itself.
  std::int64_t most_shared_weights = 1 << 19;

  /// Cycles of one float of weights that is fetched while a layer computes. Layers of more than `weights_cached` floats
  /// are taken for layers of a network whose weights come from memory in every pass, others for layers of one whose
  /// weights stay in the third-level cache.
  double weight_from_memory = 0.45, weight_from_cache = 0.12, weights_cached = 1 << 19;

  /// Kernels, in cycles. The latency of a fused multiply-add: no chain of sums takes less for each of its terms.
  double multiply_add_latency = 4;
  /// A register tile one vector wide, for each row and term: bound by loads (two vectors wide: 1, bound by arithmetic).
  double narrow_tile_row = 0.58;
  /// Cost of a tile of two blocks of channels over one of a single block; where it would be more, the blocks have no
  /// groups in common and are computed one by one.
  double two_blocks = 2.1;
  /// The sum of a vector's lanes, at the end of a dot product.
  double sum_of_lanes = 14;
  /// Floats that one cycle copies into a workspace.
  double staged_floats = 8;
  /// Depthwise convolution: for each vector of the output and each term, and for each vector; the latter where images
  /// are staged in a workspace.
  double depthwise_term = 0.6, depthwise_vector = 2, depthwise_staged_vector = 3;
  /// A register tile: to start it, and to store each of its vectors.
  double tile_start = 30, tile_vector = 2;
  /// For each register tile of two vectors, where two ways to cut an image are compared: storing its vectors, which go
  /// to separate blocks.
  double tile_pair = 6;
  /// Winograd: transforming one vector of a tile of the input (blocked); one pixel of plain input, times the vector's
  /// lanes; for each vector of a register tile, storing
  /// the sums and transforming them back.
  double winograd_input_vector = 3.6, winograd_input_pixel = 18, winograd_output_vector = 3;
  /// Operations in a cycle that a layer's products reach, of the 4 of each lane that two fused multiply-adds make: what
  /// turns cycles into operations of a product.
  double operations_per_cycle = 3.6;

  /// Sizes of pieces, so that what a loop reads again and again stays in a cache. Convolutions, in floats: the input
  /// that tiles of Direct and Winograd read while weights pass by (half of the second level); the rows of input that
  /// Depthwise reads (first level); those that DepthwiseStaged copies.
  std::int64_t conv_input_floats = std::int64_t{1} << 17, depthwise_input_floats = 1 << 13,
               depthwise_staged_floats = 1 << 14;
  /// 8-bit convolutions: bytes of a ByteImage, 16-bit numbers of a WordImage and of Winograd's transformed input
  /// (second level, beside the weights); bytes that DepthwiseBytes copies, 16-bit numbers that DepthwiseConv does
  /// (first level).
  std::int64_t int8_image_bytes = 160 << 10, int8_image_words = 96 << 10, int8_winograd_words = 128 << 10,
               int8_depthwise_bytes = 20 << 10, int8_depthwise_words = 12 << 10;
  /// Matrix products: register tiles of A that are packed at a time (with gemm_depth columns, a third of the second
  /// level), and panels of B (4 MiB of the widest, in the third level).
  std::int64_t gemm_tiles = 12, gemm_panels = 64;
  /// B is narrow, and is packed as a whole, up to this number of panels and of packed rows (second level), if A has
  /// more than gemm_few_tiles register tiles; up to gemm_very_few_panels if it has fewer.
  std::int64_t gemm_few_panels = 8, gemm_few_rows = 16 * 384, gemm_few_tiles = 8, gemm_very_few_panels = 2;
  /// Threads divide the columns of B even where there are rows of A enough for all, if each thread gets more than
  /// gemm_long_panels panels and A has at most gemm_shared_floats floats (second level).
  std::int64_t gemm_long_panels = 16, gemm_shared_floats = 1 << 16;

  /// Winograd's 8-bit convolution against the direct ones: products of 16-bit numbers and of bytes in a cycle, and
  /// cycles that transform 16 channels of a tile of y back.
  struct Int8Products {
    double words, bytes, tile_back;
  };
  Int8Products int8_vnni = {29, 60, 500}, int8_without_vnni = {24, 36, 350};
  /// Cycles that transform 8 channels of a tile of x. Transformed weights of more bytes than int8_weights_cached come
  /// from beyond the second level, int8_weight_bytes in a cycle.
  double int8_winograd_input = 70, int8_weights_cached = 256e3, int8_weight_bytes = 8;
};

/// x86-64 server cores with AVX2 or AVX-512: found on AMD EPYC (Zen 5), and on an Intel Xeon no other choice won by
/// more than noise.
inline constexpr MachineCosts machine_costs = {};

}  // namespace weir::detail
