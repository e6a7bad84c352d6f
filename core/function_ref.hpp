/// FunctionRef: a reference to something that can be called.
#pragma once

namespace weir::detail {

/// Calls a function object that somebody else keeps: two pointers, no allocation. What takes one is compiled once,
/// where a template would be compiled again for every lambda that is handed to it; a call costs one indirect jump, so
/// it is for what is called once for each piece of work, not inside an innermost loop. Must not outlive the function
/// object.
template <class... A>
class FunctionRef {
 public:
  template <class F>
  FunctionRef(const F& f)  // NOLINT(google-explicit-constructor): stands for f in an argument list
      : f_(&f), call_([](const void* f_of_type, A... a) { (*static_cast<const F*>(f_of_type))(a...); }) {}

  void operator()(A... a) const { call_(f_, a...); }

 private:
  const void* f_;
  void (*call_)(const void*, A...);
};

}  // namespace weir::detail
