// The program `weir`: hands over to the one that is named.
#include "programs.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/known_names.hpp>
#include <weir/core/message.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/version.hpp>

#include "completion.hpp"

namespace weir::programs {

namespace {

constexpr std::array all{
    Program{"adapt", "learns when an image may stop, measures what that saves, writes report and policy", adapt},
    Program{"run", "answers images with a policy", run},
    Program{"serve", "serves a policy by HTTP, with a page to drop images on", serve},
    Program{"policy", "compares learned policies with the rules of the field, on traces", policy},
    Program{"record", "records what every stage answers on many images, also on several machines", record},
    Program{"train", "learns a policy from what was recorded", train},
    Program{"bounds", "how often each way of choosing a policy breaks its promise", bounds},
    Program{"shift", "what becomes of a policy where the images change", shift},
    Program{"throughput", "images per second of a policy: one by one, in batches, from a queue", throughput},
    Program{"infer", "runs a network on .npy arrays", infer},
    Program{"quantize", "makes an 8-bit copy of a network", quantize},
    Program{"profile", "times a network, and with --profile each of its steps", network},
    Program{"learners", "times the learners", learners}};

std::string help() {
  std::string text = "weir " + std::string(version) + ": adaptive inference with convolutional networks\n\n" +
                     "Usage: weir PROGRAM OPTIONS\n\nPrograms (weir PROGRAM --help says more):\n";
  for (const Program& p : all)
    text += "  " + std::string(p.name) + std::string(12 - p.name.size(), ' ') + std::string(p.summary) + "\n";
  return text +
         "\nOptions:\n  --help, --version\n  --completion SHELL   bash, zsh or fish: source <(weir --completion bash), "
         "in fish weir --completion fish | source\n\nExamples:\n"
         "  weir adapt --network small.onnx large.onnx --preprocess models.json --images folder/ --labels labels.csv\n"
         "  weir run results/policy.json folder/ --allow-outside > answers.csv\n"
         "  weir serve bundle/policy.json --port 8080\n";
}

/// What a shell reads to complete weir's programs and options; "" for a shell that is not known.
std::string completion(std::string_view shell) {
  if (shell == "bash") return std::string(bash_completion);
  if (shell == "fish") return std::string(fish_completion);
  if (shell == "zsh")  // runs bash's
    return "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"
           "autoload -Uz bashcompinit && bashcompinit\n" +
           std::string(bash_completion);
  return "";
}

int refuse(const std::string& what) {
  std::fprintf(stderr, "error: %s\n", detail::printable(what).c_str());
  return 2;
}

}  // namespace

std::span<const Program> list() { return all; }

#if !WEIR_HAS_HTTPLIB
int serve(int, char**) {
  return refuse(
      "this weir was built without cpp-httplib; Debian, Ubuntu: apt install libcpp-httplib-dev libssl-dev "
      "libbrotli-dev, and build it again");
}
#endif

int weir(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first.empty() || first == "--help" || first == "-h" || first == "help") {
    std::fputs(help().c_str(), first.empty() ? stderr : stdout);
    return first.empty() ? 2 : 0;
  }
  if (first == "--version") return std::printf("weir %s\n", version) < 0 ? 1 : 0;
  if (first == "--completion") {
    const std::string text = completion(argc == 3 ? argv[2] : "");
    if (text.empty()) return refuse("--completion: bash, zsh and fish are the shells that are known");
    return std::fputs(text.c_str(), stdout) < 0 ? 1 : 0;
  }
  const auto found = std::ranges::find(all, first, &Program::name);
  if (found == all.end()) {
    std::vector<std::string_view> names;
    for (const Program& p : all) names.push_back(p.name);
    return refuse(detail::message({"there is no program '", first.substr(0, 100), "'",
                                   detail::nearest_hint(first, names), "; weir --help lists all"}));
  }
  std::string name = "weir " + std::string(first);
  argv[1] = name.data();  // what --help and results call it
  return found->main(argc - 1, argv + 1);
}

}  // namespace weir::programs
