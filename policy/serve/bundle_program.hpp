/// The program that goes into a bundle. It is tests/examples/serve_policy.cpp, word for word; a test compares them.
#pragma once
#include <string_view>

namespace weir::detail {

inline constexpr std::string_view bundle_program =
    R"program(// Answers images with a learned policy: one at a time, and as many as come.
#include <iostream>
#include <weir/run.hpp>

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "usage: serve_policy policy.json IMAGE...\n", 1;
  try {
    const weir::Cascade cascade = weir::load_policy(argv[1]);
    const weir::Decision first = cascade.run(weir::read_image(argv[2]));
    std::cout << argv[2] << ": class " << first.label << ", left at " << first.exit << '\n';

    weir::CascadeStream stream(cascade, {.batch = 16});
    std::vector<std::future<weir::Decision>> decisions;
    for (int i = 2; i < argc; ++i)
      decisions.push_back(stream.submit([file = argv[i]] { return weir::read_image(file); }));
    stream.finish();
    for (auto& d : decisions) std::cout << "class " << d.get().label << '\n';
  } catch (const weir::Error& e) {
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
)program";

inline constexpr std::string_view bundle_build =
    R"cmake(# cmake -S . -B build && cmake --build build && build/serve_policy policy.json IMAGE...
cmake_minimum_required(VERSION 3.18)
project(serve_policy CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(weir REQUIRED)
add_executable(serve_policy main.cpp)
target_link_libraries(serve_policy PRIVATE weir::weir)
)cmake";

}  // namespace weir::detail
