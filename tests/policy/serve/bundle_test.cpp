#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/bundle.hpp>
#include <weir/policy/serve/bundle_program.hpp>
#include <weir/policy/serve/cascade.hpp>

#include "../../io/io_test.hpp"
#include "stored_toys.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::TempFolder;
using nlohmann::json;

namespace {

weir::detail::NetworkFiles anywhere() { return {.folder = {}, .allow_outside = true}; }

std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

void write_policy(const std::filesystem::path& file) {
  weir::write_file_atomically(file, weir::to_text(stored_toys::file(file.parent_path())));
}

}  // namespace

TEST_CASE("bundle: a policy moves with its networks, and decides elsewhere as it did") {
  const TempFolder folder;
  write_policy(folder / "policy.json");
  write_policy(folder / "policy_early_exit.json");
  folder.write("classes.txt", "a\nb\n");
  weir::write_bundle(folder / "made" / "bundle", {folder / "policy.json", folder / "policy_early_exit.json"},
                     anywhere());
  CHECK(names_in(folder / "made") == std::set<std::string>{"bundle"});  // nothing half made lies beside it
  CHECK(names_in(folder / "made" / "bundle") == std::set<std::string>{"policy.json", "policy_early_exit.json",
                                                                      "fashion_alexnet.onnx", "fashion_googlenet.onnx",
                                                                      "main.cpp", "CMakeLists.txt", "classes.txt"});
  CHECK(io_test::slurp(folder / "made" / "bundle" / "classes.txt") == "a\nb\n");
  std::filesystem::rename(folder / "made" / "bundle", folder / "moved");
  const weir::Cascade there = weir::load_policy(folder / "moved" / "policy.json"),
                      here = weir::load_policy(folder / "policy.json", stored_toys::anywhere());
  for (int shift = 0; shift < 8; ++shift) {
    std::vector<unsigned char> pixels(28 * 28);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<unsigned char>((i * 31) << shift);
    const weir::ImageView image{pixels.data(), 28, 28, 1};
    const weir::Decision a = here.run(image), b = there.run(image);
    CHECK(a.label == b.label);
    CHECK(a.exit == b.exit);
    CHECK(a.probabilities == b.probabilities);
  }
}

TEST_CASE("bundle: its program is the one of tests/examples") {
  CHECK(weir::detail::bundle_program ==
        io_test::slurp(std::filesystem::path(WEIR_TEST_DIR) / "examples" / "serve_policy.cpp"));
}

TEST_CASE("bundle: refused where something is in the way, missing, or not what was learned; nothing is left behind") {
  const TempFolder folder;
  write_policy(folder / "policy.json");
  const auto refusal = [&](const std::vector<std::filesystem::path>& policies,
                           const weir::detail::NetworkFiles& networks) {
    return message_of<weir::Error>([&] { weir::write_bundle(folder / "bundle", policies, networks); });
  };
  CHECK(contains(refusal({}, anywhere()), "no policies"));
  CHECK(contains(refusal({folder / "policy.json"}, {}),
                 "--networks DIR"));  // networks outside the folder, without permission
  CHECK(contains(refusal({folder / "nosuch.json"}, anywhere()), "nosuch.json"));
  CHECK(contains(refusal({folder / "policy.json", folder / "policy.json"}, anywhere()), "'policy.json'"));
  folder.write("other/fashion_alexnet.onnx", "x");
  folder.write("other/fashion_googlenet.onnx", io_test::slurp(stored_toys::networks() / "fashion_googlenet.onnx"));
  CHECK(contains(refusal({folder / "policy.json"}, {.folder = folder / "other"}), "fnv1a"));
  CHECK(names_in(folder.path()) == std::set<std::string>{"policy.json", "other"});
  folder.write("bundle/mine.txt", "mine");
  CHECK(contains(refusal({folder / "policy.json"}, anywhere()), "there is something here"));
  CHECK(names_in(folder / "bundle") == std::set<std::string>{"mine.txt"});
  std::filesystem::remove(folder / "bundle" / "mine.txt");
  weir::write_bundle(folder / "bundle", {folder / "policy.json"}, anywhere());  // an empty folder is taken
  CHECK(names_in(folder / "bundle").contains("policy.json"));
}

TEST_CASE("bundle: networks of one name get numbers") {
  const TempFolder folder;
  json policy = json::parse(weir::to_text(stored_toys::file(folder.path())));
  const char* from[] = {"fashion_alexnet.onnx", "fashion_googlenet.onnx"};
  for (std::size_t n = 0; n < 2; ++n) {
    const std::string file = "net" + std::to_string(n) + "/model.onnx";
    folder.write(file, io_test::slurp(stored_toys::networks() / from[n]));
    policy["cascade"]["networks"][n]["file"] = file;
  }
  folder.write("policy.json", policy.dump());
  weir::write_bundle(folder / "bundle", {folder / "policy.json"});
  CHECK(names_in(folder / "bundle") ==
        std::set<std::string>{"policy.json", "model.onnx", "model_2.onnx", "main.cpp", "CMakeLists.txt"});
  const weir::Cascade cascade = weir::load_policy(folder / "bundle" / "policy.json");
  CHECK(!cascade.is_preloaded());
  cascade.preload(4);
  CHECK(cascade.is_preloaded(4));
}

TEST_CASE("policy file: networks are found beside it where the file names another place") {
  const TempFolder folder;
  const json policy = json::parse(weir::to_text(stored_toys::file(folder.path())));
  folder.write("alone/policy.json", policy.dump());
  CHECK_THROWS_AS(static_cast<void>(weir::load_policy(folder / "alone" / "policy.json")), weir::FormatError);
  for (const char* n : {"fashion_alexnet.onnx", "fashion_googlenet.onnx"})
    folder.write(std::string("alone/") + n, io_test::slurp(stored_toys::networks() / n));
  weir::load_policy(folder / "alone" / "policy.json").preload();
  // What lies beside it must still be the network that was learned with.
  folder.write("alone/fashion_alexnet.onnx", "x");
  const auto message =
      message_of<weir::FormatError>([&] { weir::load_policy(folder / "alone" / "policy.json").preload(); });
  CHECK(contains(message, "fnv1a"));
  // A link in the policy's folder may lead anywhere: it is not followed.
  std::filesystem::remove(folder / "alone" / "fashion_alexnet.onnx");
  std::filesystem::create_symlink(stored_toys::networks() / "fashion_alexnet.onnx",
                                  folder / "alone" / "fashion_alexnet.onnx");
  CHECK_THROWS_AS(static_cast<void>(weir::load_policy(folder / "alone" / "policy.json")), weir::FormatError);
}

}  // namespace WEIR_UNIT
