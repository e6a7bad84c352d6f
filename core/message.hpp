/// The words of an error, put together.
#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace weir::detail {

/// A part of a message: text, which is not copied and must outlive the part, or a number as std::to_string writes it.
class MessagePart {
 public:
  MessagePart(const char* text) : text_(text) {}         // NOLINT(google-explicit-constructor)
  MessagePart(std::string_view text) : text_(text) {}    // NOLINT(google-explicit-constructor)
  MessagePart(const std::string& text) : text_(text) {}  // NOLINT(google-explicit-constructor)
  MessagePart(std::signed_integral auto n)               // NOLINT(google-explicit-constructor)
      : number_(n < 0 ? ~static_cast<std::uint64_t>(n) + 1 : static_cast<std::uint64_t>(n)), kind_(n < 0 ? '-' : '+') {}
  MessagePart(std::unsigned_integral auto n) : number_(n), kind_('+') {}  // NOLINT(google-explicit-constructor)
  MessagePart(std::floating_point auto x) : real_(x), kind_('r') {}       // NOLINT(google-explicit-constructor)
  MessagePart(char) = delete;                                             // a number, or text?

  void append_to(std::string& message) const {
    if (kind_ == '-') message += '-';
    message += kind_ == 't' ? std::string(text_) : kind_ == 'r' ? std::to_string(real_) : std::to_string(number_);
  }

 private:
  std::string_view text_;
  double real_ = 0;
  std::uint64_t number_ = 0;
  char kind_ = 't';  ///< text, a real number, or a whole number's sign
};

/// message({"input ", i, " is missing"}): all parts in one string. Equal to "input " + std::to_string(i) + " is
/// missing", but compiles to less code: no temporary string for every +.
[[gnu::cold]] inline std::string message(std::initializer_list<MessagePart> parts) {
  std::string all;
  for (const MessagePart& part : parts) part.append_to(all);
  return all;
}

}  // namespace weir::detail
