/// Which members a run makes of the networks it is given: what --make says.
#pragma once
#include <algorithm>
#include <string>

#include "options.hpp"

namespace adapt {

/// What --make says, with what it leaves open filled in.
struct Making {
  bool int8 = false, exits = true;
  bool asked = false;  ///< 8-bit copies, by name
  std::string why;     ///< why the default makes no copies in this run; empty if it does
};

/// Throws ArgumentError for values that do not go together.
inline Making making(const Options& o) {
  const auto says = [&](const char* what) { return std::ranges::count(o.make, what) > 0; };
  Making m;
  if (says("none") && o.make.size() > 1)
    throw weir::ArgumentError("--make: none goes with nothing else; say --make none, or int8, exits or both");
  if (says("int8") && o.costs.is_table())
    throw weir::ArgumentError("--make int8: the table of --costs " + o.costs.kind +
                              " cannot hold lines of networks that are yet to be made; take --costs seconds, or make "
                              "the copies with the program quantize and give them by --network");
  m.exits = o.make.empty() || says("exits") || says("none");
  m.asked = m.int8 = says("int8");
  if (!o.make.empty()) return m;
  if (o.quick)
    m.why = "--quick; --make int8,exits makes them all the same";
  else if (o.costs.kind != "seconds" && o.costs.kind != "energy")
    m.why = "--costs " + o.costs.kind + " does not tell what they save";
  m.int8 = m.why.empty();
  return m;
}

}  // namespace adapt
