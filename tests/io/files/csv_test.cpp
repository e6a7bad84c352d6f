#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/files/csv.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;
using weir::FormatError, weir::detail::parse_csv;
using Rows = std::vector<std::vector<std::string>>;

TEST_CASE("CSV: plain fields, LF and CRLF, with and without a last line break") {
  for (const std::string end : {"\n", "\r\n"})
    for (const bool last : {false, true}) {
      const auto t = parse_csv("a,b" + end + "1,x y" + end + ",2" + (last ? end : ""), "t.csv");
      CHECK(t.header == std::vector<std::string>{"a", "b"});
      CHECK(t.rows == Rows{{"1", "x y"}, {"", "2"}});
      CHECK(t.lines == std::vector<std::size_t>{2, 3});
      CHECK(t.where(1) == "t.csv:3");
    }
}

TEST_CASE("CSV: quoted fields hold commas, line breaks and quotes") {
  const auto t = parse_csv(
      "\xEF\xBB\xBF"
      "a,\"b,c\"\n\n\"1\n2\",\"say \"\"hi\"\"\"\n\"\",\"x\r\ny\"\n",
      "t.csv");
  CHECK(t.header == std::vector<std::string>{"a", "b,c"});
  CHECK(t.rows == Rows{{"1\n2", "say \"hi\""}, {"", "x\r\ny"}});
  CHECK(t.lines == std::vector<std::size_t>{3, 5});
  CHECK(t.column("b,c") == 1);
  CHECK(t.has_column("a"));
  CHECK_FALSE(t.has_column("b"));
  CHECK(contains(message_of<FormatError>([&] { (void)t.column("label"); }), "t.csv:1: no column 'label'"));
}

TEST_CASE("CSV: what RFC 4180 writers write comes back") {
  const std::vector<std::string> fields{
      "", "a", ",", "\"", "\"\"", "\n", "\r", "\r\n", " x ", "\",\"", std::string(1, '\0')};
  const auto quoted = [](const std::string& f) {
    std::string out = "\"";
    for (const char c : f) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
  };
  for (const std::string& a : fields)
    for (const std::string& b : fields) {
      const auto t = parse_csv("h,i\n" + quoted(a) + "," + quoted(b) + "\n", "t");
      REQUIRE(t.rows == Rows{{a, b}});
    }
}

TEST_CASE("CSV: damaged files are refused with their line") {
  const std::vector<std::pair<std::string, std::string>> cases{{"", "t:1"},
                                                               {"\n\n", "t:1"},
                                                               {"a,b\n1\n", "t:2: 1 fields"},
                                                               {"a,b\n1,2\n1,2,3\n", "t:3: more fields"},
                                                               {"a\n\"x", "t:2: a quote is not closed"},
                                                               {"a\nx\"y\n", "t:2: a quote inside"},
                                                               {"a\n\"x\"y\n", "t:2: text after"},
                                                               {"a,b\n\"1\n2\n3\",4\n5\n", "t:5: 1 fields"},
                                                               {"\"", "t:1"}};
  for (const auto& damaged : cases) {  // not [text, what]: doctest's lambdas cannot capture those
    const std::string &text = damaged.first, &what = damaged.second;
    INFO(text);
    CHECK(contains(message_of<FormatError>([&] { parse_csv(text, "t"); }), what));
  }
}

TEST_CASE("CSV: any text gives rows as long as the header or FormatError") {
  const std::string alphabet = "a,\"\n\r";
  for (std::size_t code = 0; code < 78125; ++code) {  // every text of 7 letters
    std::string text;
    for (std::size_t n = code, i = 0; i < 7; ++i, n /= 5) text += alphabet[n % 5];
    try {
      const auto t = parse_csv(text, "t");
      REQUIRE(t.rows.size() == t.lines.size());
      for (const auto& row : t.rows) REQUIRE(row.size() == t.header.size());
    } catch (const FormatError&) {
    }
  }
}

TEST_CASE("read_csv: from a file") {
  const io_test::TempFolder folder;
  CHECK(weir::detail::read_csv(folder.write("a.csv", "x\n1\n")).rows == Rows{{"1"}});
  CHECK(
      contains(message_of<FormatError>([&] { weir::detail::read_csv(folder.write("b.csv", "x\n1,2\n")); }), "b.csv:2"));
  CHECK_THROWS_AS(weir::detail::read_csv(folder / "c.csv"), weir::IoError);
}

TEST_CASE("csv: a line that was written reads back as it was") {
  const std::vector<std::string> fields{"plain", "", "a,b", "say \"so\"", "two\nlines", " \r", "\""};
  const std::string header = weir::detail::csv_line({"a", "b", "c", "d", "e", "f", "g"});
  CHECK(header == "a,b,c,d,e,f,g\n");
  CHECK(weir::detail::parse_csv(header + weir::detail::csv_line(fields), "x").rows.at(0) == fields);
}

TEST_CASE("csv: no cell that is written is a formula to a spreadsheet, and each reads back as it was") {
  const std::vector<std::string> formulas{"=1+1", "+a", "-x", "@SUM(A1)", "\tx", "\rx", "=", "-", "'=x", "''@"},
      plain{"-1", "-0.5", "+3", "-1e-300", "-1e999", "5", "a=b", "'x", "'", "x'=", ""};
  for (const std::string& field : formulas) {
    const std::string line = weir::detail::csv_line({field, "b"});
    INFO(line);
    CHECK(line[line[0] == '"' ? 1 : 0] == '\'');
    CHECK(weir::detail::parse_csv("h,i\n" + line, "x").rows.at(0).at(0) == field);
  }
  for (const std::string& field : plain) {
    CHECK(weir::detail::csv_line({field, "b"}) == field + ",b\n");
    CHECK(weir::detail::parse_csv("h,i\n" + weir::detail::csv_line({field, "b"}), "x").rows.at(0).at(0) == field);
  }
}

TEST_CASE("csv: semicolons and tabs separate where the header has no comma") {
  CHECK(parse_csv("a;b\n1,5;2\n", "t").rows == Rows{{"1,5", "2"}});
  CHECK(parse_csv("a\tb\n1;5\t2\n", "t").rows == Rows{{"1;5", "2"}});
  CHECK(parse_csv("\n\"a,c\";b\n1;2\n", "t").header == std::vector<std::string>{"a,c", "b"});
  CHECK(parse_csv("a;x,b\n1;2,3\n", "t").rows == Rows{{"1;2", "3"}});
  const std::vector<std::string> one{"a;b"}, two{"a\tb"};
  for (const auto& fields : {one, two}) CHECK(parse_csv(weir::detail::csv_line(fields), "t").header == fields);
}

}  // namespace WEIR_UNIT
