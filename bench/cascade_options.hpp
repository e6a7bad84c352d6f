/// The options of programs that answer images with a policy: run and serve.
#pragma once
#include <CLI/CLI.hpp>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <weir/io/datasets/class_names.hpp>

namespace program {

struct CascadeArguments {
  std::string policy, networks, classes, isa;
  bool allow_outside = false;
  std::size_t batch = 16;
  double max_wait_ms = 0;
  int workers = 1, threads = 1;

  explicit CascadeArguments(double wait_ms) : max_wait_ms(wait_ms) {}

  void add_to(CLI::App& app) {
    app.add_option("policy", policy, "policy.json")->required();
    app.add_option("--networks", networks, "folder of the network files; else where the policy says, or beside it");
    app.add_flag("--allow-outside", allow_outside, "the policy may name network files outside its folder");
    app.add_option("--classes", classes,
                   "names of the classes, one a line, or a models.json that lists them; else classes.txt beside the "
                   "policy, where adapt writes it");
    app.add_option("--workers", workers, "batches that run at once")->check(CLI::Range(1, 256));
    app.add_option("--threads", threads, "threads of the kernels, for each worker")->check(CLI::Range(1, 1024));
    app.add_option("--batch", batch, "images in a full batch")->check(CLI::Range(1, 4096));
    app.add_option("--max-wait", max_wait_ms, "milliseconds that an image waits for batch-mates")
        ->check(CLI::Range(0.0, 60000.0));
    app.add_option("--isa", isa, "portable, avx2 or avx512; the best of this CPU if not given");
  }

  /// The file of the classes' names; the one beside the policy need not be there.
  std::filesystem::path class_file() const {
    return classes.empty() ? std::filesystem::path(policy).parent_path() / weir::detail::class_names_file
                           : std::filesystem::path(classes);
  }

  weir::detail::ClassNames class_names() const {
    if (!classes.empty()) return weir::detail::class_names_of(classes);
    std::error_code error;
    return std::filesystem::exists(class_file(), error) ? weir::detail::read_class_names(class_file())
                                                        : weir::detail::ClassNames();
  }
};

}  // namespace program
