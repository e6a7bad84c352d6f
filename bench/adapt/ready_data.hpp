/// The images of a run made ready: checked, decoded, labelled.
#pragma once
#include <cstddef>
#include <string>
#include <utility>

#include "check.hpp"
#include "no_labels.hpp"

namespace adapt {

/// What can be seen to be wrong of images before all of them are decoded. Throws what Models::check_labels and
/// Models::try_first_image throw.
inline void check_images(const Data& data, const Models& models, const Options& o) {
  for (const Part* part : data.parts()) {
    if (part->size() == 0) continue;
    if (o.labels != no_labels && part->has_labels()) models.check_labels(*part);
    models.try_first_image(*part);
  }
}

/// The data with all images decoded, and labelled by the full network where --labels is none. Head images without
/// labels of their own are labelled by it, too. Throws ArgumentError where the calibration images cannot show what
/// --also and --given-exit ask for.
inline Data ready(Data data, const Options& o, const Models& models) {
  if (o.labels != no_labels) check_further(o, data, models.n_classes());
  data = decoded(std::move(data));
  if (constexpr std::size_t most = 5000; o.quick && data.heads.size() > most) data.heads.rows.resize(most);
  if (o.labels == no_labels) {
    for (Part* part : {&data.heads, &data.policy, &data.calibration, &data.test})
      *part = labelled_by_full_network(std::move(*part), o, models);
    check_further(o, data, models.n_classes());
  } else if (data.heads.size() > 0 && !data.heads.has_labels()) {
    data.heads = labelled_by_full_network(std::move(data.heads), o, models);
  }
  return data;
}

/// "Fashion-MNIST: policy 5000, calibration 5000, test 10000 images, 10 classes; split by seed 0".
inline std::string data_line(const Data& data, const Options& o, const Models& models) {
  return data.name + ": policy " + std::to_string(data.policy.size()) + ", calibration " +
         std::to_string(data.calibration.size()) + ", test " + std::to_string(data.test.size()) + " images, " +
         std::to_string(models.n_classes()) + " classes; split by seed " + std::to_string(o.seed);
}

}  // namespace adapt
