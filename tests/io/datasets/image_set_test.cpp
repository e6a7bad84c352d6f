#include <limits>
#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/datasets/labels.hpp>
#include <weir/io/datasets/load_image_set.hpp>
#include <weir/io/files/npy.hpp>
#include <weir/io/images/image_view.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::slurp;
using weir::ArgumentError, weir::FormatError, weir::ImageSet, weir::IoError, weir::Shape, weir::Tensor;

namespace {

std::string images_idx(unsigned char n) {
  return std::string{'\0', '\0', '\b', '\3', '\0', '\0', '\0', static_cast<char>(n),
                     '\0', '\0', '\0', '\2', '\0', '\0', '\0', '\2'} +
         std::string("abcdefghijklmnopqrstuvwxyz").substr(0, n * 4U);
}

std::string labels_idx(const std::string& labels) {
  return std::string{'\0', '\0', '\b', '\1', '\0', '\0', '\0', static_cast<char>(labels.size())} + labels;
}

template <class... Paths>
std::string refused(const Paths&... paths) {
  return message_of<FormatError>([&] { (void)weir::load_image_set(paths...); });
}

/// A folder of images and its CSV.
struct Folder {
  io_test::TempFolder temp;
  explicit Folder(const std::string& csv) {
    for (const char* name : {"rgb.png", "grey.png", "baseline.jpg"})
      temp.write(std::string("images/") + name, slurp(io_test::vectors() / "images" / name));
    temp.write("labels.csv", csv);
  }
};

}  // namespace

TEST_CASE("fnv1a: the reference values of its authors") {
  CHECK(weir::detail::fnv1a(std::string()) == 0xcbf29ce484222325U);
  CHECK(weir::detail::fnv1a(std::string("a")) == 0xaf63dc4c8601ec8cU);
  CHECK(weir::detail::fnv1a(std::string("foobar")) == 0x85944171f73967e8U);
  CHECK(weir::detail::fnv1a(std::string("bar"), weir::detail::fnv1a(std::string("foo"))) == 0x85944171f73967e8U);
}

TEST_CASE("ImageSet: IDX images with labels of every kind") {
  const io_test::TempFolder f;
  const auto images = f.write("images-idx3", images_idx(3));
  weir::write_npy(f / "l.npy", Shape{3}, std::vector<std::int64_t>{5, 0, 2147483647});
  const auto idx = weir::load_image_set(images, f.write("labels-idx1", labels_idx({'\5', '\0', '\xff'})));
  CHECK(idx.size() == 3);
  CHECK(idx.labels() == std::vector<int>{5, 0, 255});
  CHECK_FALSE(idx.is_float());
  CHECK_FALSE(idx.is_files());
  CHECK(idx.image(2).height == 2);
  CHECK(idx.image(2).width == 2);
  CHECK(idx.image(2).channels == 1);
  CHECK(idx.image(2).bytes()[0] == 'i');
  CHECK(idx.decode(1).data == std::vector<std::uint8_t>{'e', 'f', 'g', 'h'});
  CHECK(idx.name(2) == images.string() + "#2");
  CHECK_THROWS_AS((void)idx.image(3), ArgumentError);
  CHECK_THROWS_AS((void)idx.row(0), ArgumentError);
  CHECK(weir::load_image_set(images, f / "l.npy").label(2) == 2147483647);
  CHECK(weir::load_image_set(images, f.write("l.csv", "label\n1\n2\n3\n")).labels() == std::vector<int>{1, 2, 3});
  CHECK(weir::load_image_set(images, f.write("m.csv", "id,label\n9,1\n9,2\n9,3\n")).labels() ==
        std::vector<int>{1, 2, 3});
  CHECK(weir::load_image_set(images, f.write("l.txt", "4\n5\n6")).labels() == std::vector<int>{4, 5, 6});
  const auto unlabelled = weir::load_image_set(images);
  CHECK_FALSE(unlabelled.has_labels());
  CHECK(unlabelled.size() == 3);
}

TEST_CASE("ImageSet: labels that are none") {
  const io_test::TempFolder f;
  const auto images = f.write("i", images_idx(2));
  for (const char* bad :
       {"label\n1\n-1\n", "label\n1\nnan\n", "label\n1\ninf\n", "label\n1\n1.0\n", "label\n1\n 2\n",
        "label\n1\n2147483648\n", "label\n1\n99999999999999999999\n", "label\n1\n0x1\n", "label\n1\n\"\"\n"}) {
    INFO(bad);
    CHECK(contains(refused(images, f.write("l.csv", bad)), "l.csv:3: "));
  }
  CHECK(contains(refused(images, f.write("l.csv", "name,class\na,1\nb,2\n")), "no column 'label'"));
  CHECK(contains(refused(images, f.write("l.csv", "klass\n1\n2\n")), "'klass' is not a label"));
  CHECK(contains(refused(images, f.write("l.csv", "label\n1\n")), "2 images, but 1 labels"));
  CHECK(contains(refused(images, f.write("l", labels_idx("abc"))), "2 images, but 3 labels"));
  CHECK(contains(refused(images, images), "labels have the shape [N]"));
  weir::write_npy(f / "l.npy", Tensor(Shape{2}));
  CHECK(contains(refused(images, f / "l.npy"), "l.npy: "));
  weir::write_npy(f / "l.npy", Shape{1, 2}, std::vector<std::int64_t>{1, 2});
  CHECK(contains(refused(images, f / "l.npy"), "l.npy: labels have the shape [N], not [1, 2]"));
  weir::write_npy(f / "l.npy", Shape{2}, std::vector<std::int64_t>{1, -2});
  CHECK(contains(refused(images, f / "l.npy"), "l.npy, label 1: -2"));
  CHECK_THROWS_AS(weir::load_image_set(images, f / "none.csv"), IoError);
}

TEST_CASE("ImageSet: uint8 and float arrays") {
  const io_test::TempFolder f;
  const auto npy = [&](const Shape& shape, const std::string& descr, std::size_t bytes) {
    return f.write("a.npy", weir::detail::npy_bytes(shape, descr, std::string(bytes, '\7')));
  };
  CHECK(weir::load_image_set(npy(Shape{2, 4, 5, 3}, "|u1", 120)).image(1).channels == 3);
  CHECK(weir::load_image_set(npy(Shape{2, 4, 5}, "|u1", 40)).image(1).width == 5);
  CHECK(weir::load_image_set(npy(Shape{0, 4, 5}, "|u1", 0)).size() == 0);
  for (const Shape& bad :
       {Shape{2, 4, 5, 2}, Shape{2, 3, 4, 5}, Shape{40}, Shape{2, 20}, Shape{5, 0, 4}, Shape{2, 1, 4, 5, 1}})
    CHECK(contains(refused(npy(bad, "|u1", static_cast<std::size_t>(bad.numel()))), "a.npy: images are"));
  CHECK(contains(refused(npy(Shape{2, 2, 2}, "<i4", 32)), "a.npy: images are uint8 or floating point"));

  Tensor t(Shape{2, 3, 4, 5});
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<float>(i);
  weir::write_npy(f / "t.npy", t);
  const auto set = weir::load_image_set(f / "t.npy", f.write("l.csv", "1\n2\n"));
  CHECK(set.is_float());
  CHECK(set.row_shape() == Shape{3, 4, 5});
  CHECK(set.row(1)[0] == 60.0F);
  CHECK(set.row(1).size() == 60);
  CHECK(set.content_hash(0) != set.content_hash(1));
  CHECK_THROWS_AS((void)set.image(0), ArgumentError);
  CHECK_THROWS_AS((void)set.row(2), ArgumentError);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    t[77] = bad;
    weir::write_npy(f / "t.npy", t);
    CHECK(contains(refused(f / "t.npy"), "t.npy: value 77 is not a finite number"));
  }
  weir::write_npy(f / "t.npy", Tensor(Shape{2, 3}));
  CHECK(contains(refused(f / "t.npy"), "t.npy: float images"));
}

TEST_CASE("ImageSet: a folder of files, decoded when asked") {
  const Folder f("file,label,source\nimages/rgb.png,3,x\nimages/grey.png,1,y\nimages/baseline.jpg,2,\n");
  ImageSet set = weir::load_image_set(f.temp.path());
  CHECK(set.size() == 3);
  CHECK(set.is_files());
  CHECK(set.labels() == std::vector<int>{3, 1, 2});
  CHECK(set.name(1) == "images/grey.png");
  CHECK_FALSE(set.is_decoded(0));
  CHECK_THROWS_AS((void)set.image(0), ArgumentError);
  CHECK(set.decode(0).data == io_test::pattern(9, 11, 3).data);
  CHECK_FALSE(set.is_decoded(0));
  const std::uint64_t hash = set.content_hash(0);
  set.keep_decoded(1);
  CHECK(set.is_decoded(1));
  std::vector<std::size_t> calls;
  set.decode_all([&](std::size_t done, std::size_t all) { calls.push_back(done * 10 + all); });
  CHECK(calls == std::vector<std::size_t>{13, 23, 33});
  CHECK(set.image(0).channels == 3);
  CHECK(set.image(1).channels == 1);
  CHECK(set.image(2).width == 47);
  CHECK(set.content_hash(0) == hash);
  // A CSV elsewhere.
  const auto elsewhere = f.temp.write("sub/other.csv", "label,file\n7,rgb.png\n");
  CHECK(weir::load_image_set(f.temp / "images", elsewhere).label(0) == 7);
}

TEST_CASE("ImageSet: equal pixels have equal hashes in whatever file they lie") {
  const Folder f("file,label\nimages/rgb.png,0\nimages/grey.png,0\n");
  const ImageSet files = weir::load_image_set(f.temp.path());
  const weir::Image rgb = io_test::pattern(9, 11, 3), grey = io_test::pattern(9, 11, 1);
  const auto as_array = [](const weir::Image& i, const Shape& shape) {
    return ImageSet::from_pixels(shape, {i.data.begin(), i.data.end()}, {}, "array");
  };
  CHECK(as_array(rgb, Shape{1, 9, 11, 3}).content_hash(0) == files.content_hash(0));
  CHECK(as_array(grey, Shape{1, 9, 11}).content_hash(0) == files.content_hash(1));
  CHECK(as_array(grey, Shape{1, 11, 9}).content_hash(0) != files.content_hash(1));
}

TEST_CASE("ImageSet: a CSV cannot lead out of the folder, name what is missing or the same file twice") {
  const io_test::TempFolder secret;
  secret.write("x.png", "secret");
  for (const std::string& name :
       {std::string("../x.png"), std::string("images/../../x.png"), std::string("/etc/passwd"),
        (secret / "x.png").string(), std::string(), std::string("images/none.png"), std::string("images")}) {
    INFO(name);
    const Folder f("file,label\nimages/rgb.png,0\n\"" + name + "\",1\n");
    CHECK(contains(refused(f.temp.path()), "labels.csv:3: "));
  }
  CHECK(contains(refused(Folder("file,label\nimages/rgb.png,0\nimages/rgb.png,1\n").temp.path()),
                 "labels.csv:3: file 'images/rgb.png' is listed twice, first in line 2"));
  CHECK(contains(refused(Folder("file,label\nimages/rgb.png,0\n./images/rgb.png,1\n").temp.path()), "listed twice"));
  CHECK(contains(refused(Folder("file,label\nimages/rgb.png,one\n").temp.path()), "labels.csv:2: 'one'"));
  CHECK(contains(refused(Folder("file\nimages/rgb.png\n").temp.path()), "no column 'label'"));
  const io_test::TempFolder empty;
  CHECK_THROWS_AS(weir::load_image_set(empty.path()), IoError);
  CHECK_THROWS_AS(weir::load_image_set(empty / "none"), IoError);
}

TEST_CASE("ImageSet: a folder of links to images, and a folder that is a link") {
  const Folder real("file,label\nimages/rgb.png,3\n");
  const io_test::TempFolder f;
  f.write("links/labels.csv", "file,label\na.png,3\nsub/rgb.png,4\n");
  std::filesystem::create_symlink(real.temp / "images/rgb.png", f / "links/a.png");
  std::filesystem::create_directory_symlink(real.temp / "images", f / "links/sub");
  std::filesystem::create_directory_symlink(f / "links", f / "folder");
  for (const char* name : {"links", "folder"}) {
    const ImageSet set = weir::load_image_set(f / name);
    CHECK(set.size() == 2);
    CHECK(set.decode(0).data == io_test::pattern(9, 11, 3).data);
    CHECK(set.content_hash(0) == set.content_hash(1));
  }
  std::filesystem::create_symlink(f / "gone.png", f / "links/dead.png");
  f.write("links/labels.csv", "file,label\ndead.png,3\n");
  CHECK(contains(refused(f / "links"), "labels.csv:2: no file 'dead.png'"));
  CHECK(contains(refused(f / "links"), "it is a link that leads to no file"));
}

TEST_CASE(
    "ImageSet: labels with semicolons, tabs, CRLF and a byte order mark; names where there is a list of classes") {
  const Folder plain("file,label\nimages/rgb.png,1\nimages/grey.png,0\n");
  const weir::detail::ClassNames animals({"cat", "dog"}, "classes.txt");
  for (const char* text :
       {"file;label\nimages/rgb.png;1\nimages/grey.png;0\n", "file\tlabel\nimages/rgb.png\t1\nimages/grey.png\t0",
        "\xEF\xBB\xBF"
        "file,label\r\nimages/rgb.png,1\r\nimages/grey.png,0\r\n",
        "\xEF\xBB\xBF"
        "label;file\r\ndog;images/rgb.png\r\ncat;images/grey.png\r\n",
        "file,label\nimages/rgb.png,dog\nimages/grey.png,0\n"}) {
    INFO(text);
    const auto csv = plain.temp.write("l.csv", text);
    CHECK(weir::load_image_set(plain.temp.path(), csv, animals).labels() == std::vector<int>{1, 0});
  }
  const auto csv = plain.temp.write("l.csv", "file,label\nimages/rgb.png,dog\nimages/grey.png,fog\n");
  CHECK(contains(refused(plain.temp.path(), csv), "l.csv:2: 'dog' is not a label"));
  CHECK(contains(refused(plain.temp.path(), csv), "--classes"));
  CHECK(contains(refused(plain.temp.path(), csv, animals), "l.csv:3: 'fog' is not a label"));
  CHECK(contains(refused(plain.temp.path(), csv, animals), "classes of classes.txt; the nearest is 'dog'"));
  const auto headless = plain.temp.write("h.csv", "images/rgb.png,1\nimages/grey.png,0\n");
  CHECK(contains(refused(plain.temp.path(), headless),
                 "h.csv:1: no column 'file'; the first line must be the header file,label, it is images/rgb.png,1"));
  CHECK(contains(refused(plain.temp.path(), plain.temp.write("w.csv", std::string("\xFF\xFE"
                                                                                  "f\0,\0",
                                                                                  6))),
                 "w.csv:1: the text is UTF-16"));
  CHECK(contains(refused(plain.temp.path(), plain.temp.write("m.csv", "file,label\rimages/rgb.png,1\r")),
                 "m.csv:1: lines end in CR only"));
}

TEST_CASE("labels: those out of range are named with file and line") {
  const io_test::TempFolder f;
  const auto check = [](const weir::detail::Labels& l, std::size_t classes) {
    return message_of<FormatError>(
        [&] { weir::detail::check_labels(l.values, classes, "a.onnx", [&](std::size_t i) { return l.where(i); }); });
  };
  const auto csv = weir::detail::read_labels(f.write("l.csv", "label\n\n1\n2\n3\n"));
  CHECK(check(csv, 4).empty());
  CHECK(contains(check(csv, 3), "l.csv:5: label 3, but a.onnx tells 3 classes apart: labels are 0 to 2"));
  CHECK(contains(check(csv, 3), "seem to begin with 1"));
  CHECK_FALSE(contains(check(csv, 2), "seem to begin with 1"));
  const auto idx = weir::detail::read_labels(f.write("labels-idx1", labels_idx({'\5', '\0', '\x9'})));
  CHECK(contains(check(idx, 9), "labels-idx1, label 2: label 9"));
  ImageSet set = weir::load_image_set(f.write("i", images_idx(3)), f / "l.csv");
  CHECK(contains(set.label_where(2), "l.csv:5"));
}

TEST_CASE("ClassNames: from a text file, and from models.json") {
  const io_test::TempFolder f;
  const auto names = weir::detail::read_class_names(f.write("c.txt",
                                                            "\xEF\xBB\xBF"
                                                            "cat\r\nold dog\r\n\r\n"));
  CHECK(names.names() == std::vector<std::string>{"cat", "old dog"});
  CHECK(names.find("old dog") == 1);
  CHECK_FALSE(names.find("dog"));
  const auto refused_names = [&](const std::string& text) {
    return message_of<FormatError>([&] { weir::detail::read_class_names(f.write("c.txt", text)); });
  };
  CHECK(contains(refused_names("\n\n"), "no class names"));
  CHECK(contains(refused_names("cat\n\ndog\n"), "class 1 has no name"));
  CHECK(contains(refused_names("cat\ndog\ncat\n"), "'cat' is the name of the classes 0 and 2"));
  const auto by_name = [&](const char* file, const std::string& text) {
    return weir::detail::class_names_of(f.write(file, text)).names();
  };
  CHECK(by_name("c.txt", "cat\n") == std::vector<std::string>{"cat"});
  CHECK(by_name("c.json", R"({"classes": ["cat"], "models": []})") == std::vector<std::string>{"cat"});
  CHECK(contains(message_of<FormatError>([&] { by_name("c.json", R"({"models": []})"); }), "no list \"classes\""));
  const auto of_models = [&](const std::string& text) {
    return weir::detail::class_names_of_models(f.write("m.json", text));
  };
  CHECK(of_models(R"({"models": [{"classes": 10}]})").empty());
  CHECK(of_models(R"({"classes": ["a", "b"], "models": []})").find("b") == 1);
  CHECK(of_models(R"({"models": [{"classes": ["a", "b"]}, {"classes": ["a", "b"]}, {}]})").size() == 2);
  CHECK_THROWS_AS(of_models(R"({"models": [{"classes": ["a", "b"]}, {"classes": ["b", "a"]}]})"), FormatError);
  CHECK_THROWS_AS(of_models(R"({"classes": ["a", 2], "models": []})"), FormatError);
}

TEST_CASE("ImageSet: a file that cannot be decoded is named") {
  const Folder f("file,label\nimages/bad.png,0\n");
  f.temp.write("images/bad.png", "no image");
  ImageSet set = weir::load_image_set(f.temp.path());
  CHECK(contains(message_of<FormatError>([&] { (void)set.decode(0); }), "bad.png"));
  CHECK_THROWS_AS(set.decode_all(), FormatError);
  std::filesystem::remove(f.temp / "images/bad.png");
  CHECK_THROWS_AS((void)set.content_hash(0), IoError);
}

TEST_CASE("ImageSet: CIFAR-10 batches carry their labels") {
  const io_test::TempFolder f;
  const auto path = f.write("test_batch.bin", "\x04" + std::string(3072, '\x11'));
  for (const auto& images : {path, f.path()}) {
    const ImageSet set = weir::load_image_set(images);
    CHECK(set.labels() == std::vector<int>{4});
    CHECK(set.image(0).bytes().size() == 3072);
    CHECK(set.image(0).channels == 3);
  }
  CHECK_THROWS_AS(weir::load_image_set(path, f.write("l.csv", "1\n")), ArgumentError);
}

}  // namespace WEIR_UNIT
