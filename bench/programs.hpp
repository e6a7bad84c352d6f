/// weir's programs as calls. A program of your own registers its rule, learner, feature group or operator, and hands
/// over to one of them, which then knows it beside weir's own:
///
///     int main(int argc, char** argv) {
///       weir::register_rule(my_rule());
///       return weir::programs::adapt(argc, argv);
///     }
///
/// Link weir::programs.
#pragma once
#include <span>
#include <string_view>

namespace weir::programs {

/// Each takes main()'s arguments and returns main()'s status: 0, 1 after "error: ..." on the error stream, another
/// number for options that are wrong.
int adapt(int argc, char** argv);
int run(int argc, char** argv);
int serve(int argc, char** argv);  ///< where cpp-httplib was there when weir was built, else it says so
int policy(int argc, char** argv);
int record(int argc, char** argv);
int train(int argc, char** argv);
int bounds(int argc, char** argv);
int shift(int argc, char** argv);
int throughput(int argc, char** argv);
int infer(int argc, char** argv);
int quantize(int argc, char** argv);
int network(int argc, char** argv);
int learners(int argc, char** argv);

struct Program {
  std::string_view name, summary;
  int (*main)(int argc, char** argv);
};

/// All of them, as `weir --help` lists them.
std::span<const Program> list();

/// main() of the program `weir`: weir NAME OPTIONS, weir --help, weir --version, weir --completion SHELL.
int weir(int argc, char** argv);

}  // namespace weir::programs
