#include <weir/core/network.hpp>
#include <weir/core/plan.hpp>

std::int64_t elements_of_an_image();

int main() { return elements_of_an_image() == weir::Shape{1, 3, 8, 8}.numel() ? 0 : 1; }
