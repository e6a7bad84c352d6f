// What energy_model.hpp declares.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/measure/energy_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>

namespace weir {}  // namespace weir
