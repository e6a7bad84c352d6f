// The library's part of io.
#include <weir/io/cifar.ipp>
#include <weir/io/class_names.ipp>
#include <weir/io/csv.ipp>
#include <weir/io/energy_counter.ipp>
#include <weir/io/idx.ipp>
#include <weir/io/image.ipp>
#include <weir/io/image_set.ipp>
#include <weir/io/labels.ipp>
#include <weir/io/load_image_set.ipp>
#include <weir/io/npy.ipp>
#include <weir/io/onnx.ipp>
#include <weir/io/png.ipp>
#include <weir/io/preprocess.ipp>
#include <weir/io/report.ipp>
