/// What our command-line programs share.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/version.hpp>

namespace program {

/// A program's options. --help shows their defaults and the examples: whole commands, each behind two spaces, in which
/// "@ " stands for the program as it was called (`weir run`, build/bench/run).
class App : public CLI::App {
 public:
  explicit App(const std::string& description, const std::string& examples) : CLI::App(description) {
    option_defaults()->always_capture_default();
    set_version_flag("--version", std::string("weir ") + weir::version);
    footer("\nExamples:\n" + examples);
  }
};

/// The examples of --help with the program's name in them.
inline void name_examples(CLI::App& app, const std::string& program) {
  std::string text;
  const std::string footer = app.get_footer();
  for (std::size_t i = 0; i < footer.size(); ++i)
    text += footer.compare(i, 2, "@ ") == 0 ? program : footer.substr(i, 1);
  app.footer(text);
}

/// Parses the options, then runs body. Returns main()'s status: 0, or with "error: ..." on the error stream 1, or 2 for
/// wrong options. Control characters of file names in messages are escaped. Where memory is out the process ends at
/// once: what other libraries do when a process exits may ask for more of it, or wait for threads that could not be
/// started.
template <typename Body>
int run(CLI::App& app, int argc, char** argv, const Body& body) {
  name_examples(app, argc > 0 ? argv[0] : "");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::ostringstream out, err;
    const int status = app.exit(e, out, err);
    std::fputs(weir::detail::printable(out.str(), true).c_str(), stdout);
    if (status == 0) return 0;  // --help and --version
    std::fprintf(stderr, "error: %s", weir::detail::printable(err.str(), true).c_str());
    return 2;
  }
  try {
    body();
  } catch (const std::bad_alloc&) {
    std::fputs("error: out of memory\n", stderr);
    std::fflush(nullptr);
    std::_Exit(1);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", weir::detail::printable(e.what()).c_str());
    return 1;
  }
  return 0;
}

/// "NAME=FILE" -> {NAME, FILE}; "FILE" -> {"", FILE}.
inline std::pair<std::string, std::string> split_name(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

/// "3x224x224" -> {3, 224, 224}. Throws ArgumentError.
inline std::vector<std::int64_t> parse_dims(const std::string& text) {
  std::vector<std::int64_t> dims;
  const char* p = text.c_str();
  while (true) {
    char* end = nullptr;
    const long long d = std::strtoll(p, &end, 10);
    if (end == p || d < 1 || d > (1LL << 31) || dims.size() == 8 || (*end != 'x' && *end != '\0'))
      throw weir::ArgumentError("'" + text + "' is not a shape such as 3x224x224");
    dims.push_back(d);
    if (*end == '\0') return dims;
    p = end + 1;
  }
}

/// --shape options ("NAME=3x224x224", without the batch) as build options.
inline weir::BuildOptions build_options(const std::vector<std::string>& shapes) {
  weir::BuildOptions options;
  for (const std::string& s : shapes) {
    const auto [name, dims] = split_name(s);
    if (name.empty()) throw weir::ArgumentError("--shape " + s + ": say NAME=3x224x224");
    options.input_shapes[name] = parse_dims(dims);
  }
  return options;
}

}  // namespace program
