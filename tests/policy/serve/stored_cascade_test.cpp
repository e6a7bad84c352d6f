#include <doctest/doctest.h>

#include "stored_toys.hpp"

using io_test::contains, io_test::message_of, io_test::TempFolder;
using json = nlohmann::json;

namespace {

/// What loading (and, if it loads, running through all networks) says.
std::string refusal(const TempFolder& folder, const json& policy, const std::filesystem::path& networks = {}) {
  weir::write_file_atomically(folder / "p.json", policy.dump());
  return message_of<weir::FormatError>([&] {
    const auto cascade = weir::load_policy(folder / "p.json", {.networks = networks, .context = {}});
    static_cast<void>(cascade.spec().networks());
  });
}

}  // namespace

TEST_CASE("policy file: what is missing or wrong about its networks is refused by file and field") {
  const TempFolder folder;
  const json good = json::parse(weir::to_text(stored_toys::file(folder.path())));
  CHECK(refusal(folder, good).empty());
  const auto check = [&](const std::string& pointer, const json& value, const std::string& part) {
    json bad = good;
    const json::json_pointer at(pointer);
    if (value.is_discarded())
      bad[at.parent_pointer()].erase(at.back());
    else
      bad[at] = value;
    const std::string message = refusal(folder, bad);
    CHECK_MESSAGE(contains(message, part), pointer, ": ", message);
    CHECK_MESSAGE(contains(message, "p.json"), message);
  };
  const json missing(json::value_t::discarded);
  for (const std::string field : {"file", "fnv1a", "rows_leave", "preprocess"})
    check("/cascade/networks/1/" + field, missing, "'" + field + "'");
  for (const std::string field : {"network", "tensor", "logits"})
    check("/stages/1/source/" + field, missing, "'" + field + "'");
  for (const std::string field : {"n_classes", "networks"}) check("/cascade/" + field, missing, "'" + field + "'");
  for (const json& value : {json(1), json("x"), json::array(), json::array({1, {}}), json::object(), json(nullptr)})
    for (const std::string pointer :
         {"/cascade", "/cascade/networks", "/cascade/networks/0", "/cascade/n_classes", "/stages/0/source"}) {
      json bad = good;
      bad[json::json_pointer(pointer)] = value;
      CHECK_MESSAGE(!refusal(folder, bad).empty(), pointer, value.dump());
    }
  check("/cascade", missing, "'cascade' is missing");
  check("/weir_policy", 1, "version 1");
  check("/cascade/networks/0/file", "/etc/passwd", "relative");
  check("/cascade/networks/0/file", std::string("a\0b", 3), "relative");
  check("/cascade/networks/0/preprocess/mean", json::array(), "'preprocess'");
  check("/cascade/networks/0/rows_leave", "yes", "'rows_leave'");
  check("/stages/1/source/network", 2, "'network'");
  check("/stages/1/exit_head/classes", 7, "exit head");
  check("/stages/1/features/0", "other", "features");
  check("/cascade/n_classes", 1 << 30, "'n_classes'");
  json many = good;
  many["cascade"]["networks"] = json(65, good["cascade"]["networks"][0]);
  CHECK(contains(refusal(folder, many), "networks"));
}

TEST_CASE("policy file: networks are those that were stated, or are refused before they are parsed") {
  const TempFolder folder;
  const json good = json::parse(weir::to_text(stored_toys::file(folder.path())));
  // By name in another folder.
  std::filesystem::create_directories(folder / "other");
  const auto name = [](const char* n) { return std::string("fashion_") + n + ".onnx"; };
  for (const char* n : {"alexnet", "googlenet"})
    std::filesystem::copy_file(stored_toys::networks() / name(n), folder / "other" / name(n));
  CHECK(refusal(folder, good, folder / "other").empty());
  // Retrained, mixed up, damaged: another content.
  for (const std::string& content :
       {std::string("x"), std::string(), io_test::slurp(folder / "other" / name("googlenet"))}) {
    folder.write("other/" + name("alexnet"), content);
    const auto message = refusal(folder, good, folder / "other");
    CHECK_MESSAGE(contains(message, "fnv1a"), message);
    CHECK(contains(message, name("alexnet")));
  }
  json wrong = good;  // the hash of a network that does not fit the stage or its preprocessing
  wrong["cascade"]["networks"][0]["fnv1a"] = good["cascade"]["networks"][1]["fnv1a"];
  wrong["cascade"]["networks"][0]["preprocess"]["input"]["width"] = 29;
  CHECK(contains(refusal(folder, wrong, folder / "other"), "preprocess"));
  std::filesystem::remove(folder / "other" / name("alexnet"));
  CHECK_THROWS_AS(refusal(folder, good, folder / "other"), weir::IoError);
  std::filesystem::create_symlink(stored_toys::networks() / name("alexnet"), folder / "other" / name("alexnet"));
  CHECK(contains(refusal(folder, good, folder / "other"), "leads out"));
}

TEST_CASE("policy file: every flipped bit around the networks is refused or harmless") {
  const TempFolder folder;
  const std::string text = weir::to_text(stored_toys::file(folder.path()));
  const std::size_t begin = text.find("\"cascade\""), end = text.find("\"lambda\"");
  REQUIRE(begin < end);
  std::size_t refused = 0;
  for (std::size_t at = begin; at < end; ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 7)));
    try {
      static_cast<void>(weir::read_cascade(weir::policy_from_text(damaged), folder / "p.json"));
    } catch (const weir::Error&) {
      ++refused;
    }
  }
  CHECK(refused > (end - begin) / 4);
}

TEST_CASE("content_fnv1a: the published values") {
  CHECK(weir::content_fnv1a({}) == "cbf29ce484222325");
  CHECK(weir::content_fnv1a(std::string("foobar")) == "85944171f73967e8");  // RFC 9923
}
