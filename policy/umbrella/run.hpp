/// What a program needs that runs networks and learned policies: no learning, no Eigen, no JSON, no oneTBB.
#pragma once
#include <weir/core/executor.hpp>
#include <weir/io/image.hpp>
#include <weir/io/npy.hpp>
#include <weir/load_onnx.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_stream.hpp>
