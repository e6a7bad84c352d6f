/// cpp-httplib, without the macro that it brings along: Eigen has parameters of that name.
#pragma once
#include <httplib.h>
#undef _res
