/// What a program needs that learns policies from traces: no network runs.
#pragma once
#include <weir/io/file.hpp>
#include <weir/policy/choose/learn_policy.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/serve/trace_files.hpp>
#include <weir/policy/trace/trace_file.hpp>
