/// FunctionRef: a reference to something that can be called.
#pragma once

namespace weir::detail {

/// A reference to a function object, which must outlive it: two pointers, no allocation. A function that takes one is
/// compiled once; as a template it would be compiled for every lambda that it is given. A call costs one indirect jump,
/// so it is for what is called once for each piece of work, not inside an innermost loop.
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
