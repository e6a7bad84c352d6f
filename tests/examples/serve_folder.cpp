// Answers every image of a folder, one by one: class, exit and time; at the end, where images left.
#include <algorithm>
#include <iostream>
#include <map>
#include <weir/run.hpp>

int main(int argc, char** argv) {
  if (argc != 4) return std::cerr << "usage: serve_folder policy.json NETWORKS IMAGES\n", 1;
  try {
    weir::CascadeOptions options;
    options.networks = argv[2];
    const weir::Cascade cascade = weir::load_policy(argv[1], options);
    cascade.preload();  // or the first image waits for the networks
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(argv[3])) files.push_back(entry.path());
    std::sort(files.begin(), files.end());

    std::map<std::string, int> exits;
    for (const auto& file : files) {
      try {
        const weir::Decision d = cascade.run(weir::read_image(file));
        std::cout << file.filename().string() << ": class " << d.label << ", left at " << d.exit << ", "
                  << 1e3 * d.seconds << " ms\n";
        ++exits[d.exit];
      } catch (const weir::Error& e) {  // one bad file does not end the others
        std::cerr << "skipped: " << e.what() << '\n';
      }
    }
    for (const auto& [exit, n] : exits) std::cout << n << " left at " << exit << '\n';
  } catch (const std::exception& e) {
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
