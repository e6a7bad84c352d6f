// The library's part of io.
#include <weir/io/datasets/cifar.ipp>
#include <weir/io/datasets/class_names.ipp>
#include <weir/io/datasets/idx.ipp>
#include <weir/io/datasets/image_set.ipp>
#include <weir/io/datasets/labels.ipp>
#include <weir/io/datasets/load_image_set.ipp>
#include <weir/io/files/csv.ipp>
#include <weir/io/files/energy_counter.ipp>
#include <weir/io/files/npy.ipp>
#include <weir/io/images/image.ipp>
#include <weir/io/images/preprocess.ipp>
#include <weir/io/onnx/onnx.ipp>
#include <weir/io/onnx/write.ipp>
#include <weir/io/report/png.ipp>
#include <weir/io/report/report.ipp>
#include <weir/io/report/svg.ipp>
