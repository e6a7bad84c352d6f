#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/exits/grid_pool.hpp>
#include <weir/policy/exits/probabilities.hpp>

namespace WEIR_UNIT {

using nlohmann::json;
using weir::ExitHead, weir::ExitHeadLearner, weir::detail::GridPool, weir::Shape;

namespace {

struct Problem {
  Eigen::MatrixXf X;
  std::vector<int> y;
  Eigen::VectorXd weight;
  std::size_t classes = 0;
};

/// Classes around corners of a cube, columns of different scale, the last one constant; weights are whole numbers.
Problem blobs(Eigen::Index n, Eigen::Index d, std::size_t classes, std::uint64_t seed) {
  const auto uniform = [&] {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<float>(static_cast<double>(seed >> 11U) * 0x1p-53);
  };
  Problem p{Eigen::MatrixXf(n, d), {}, Eigen::VectorXd(n), classes};
  for (Eigen::Index i = 0; i < n; ++i) {
    const auto label = static_cast<std::size_t>(uniform() * static_cast<float>(classes));
    p.y.push_back(static_cast<int>(label));
    p.weight(i) = std::floor(uniform() * 4);
    for (Eigen::Index j = 0; j < d; ++j)
      p.X(i, j) = std::pow(10.0F, static_cast<float>(j % 5) - 2) *
                  (uniform() + 0.6F * static_cast<float>(label >> (j % 4) & 1U));
    p.X(i, d - 1) = 2.5F;
  }
  return p;
}

/// Weights [classes, d] and bias as stored.
std::pair<Eigen::MatrixXd, Eigen::VectorXd> parameters(const ExitHead& head) {
  json stored;
  to_json(stored, head);
  const auto w = stored.at("weights").get<std::vector<double>>(), b = stored.at("bias").get<std::vector<double>>();
  const auto rows = std::ssize(b), columns = std::ssize(w) / std::ssize(b);
  return {Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(w.data(), rows, columns),
          Eigen::Map<const Eigen::VectorXd>(b.data(), rows)};
}

/// C sum weight (-ln p_label) + |W|^2 / 2 of logits Z W' + b, Z [n, d].
double objective(const Eigen::MatrixXd& Z, const std::vector<int>& y, const Eigen::VectorXd& weight,
                 const Eigen::MatrixXd& W, const Eigen::VectorXd& b, double C) {
  double sum = 0.5 * W.squaredNorm();
  for (Eigen::Index i = 0; i < Z.rows(); ++i) {
    const Eigen::VectorXd logits = W * Z.row(i).transpose() + b;
    const double top = logits.maxCoeff();
    sum +=
        C * weight(i) * (std::log((logits.array() - top).exp().sum()) + top - logits(y[static_cast<std::size_t>(i)]));
  }
  return sum;
}

std::vector<float> probabilities(const ExitHead& head, const Eigen::MatrixXf& X, Eigen::Index i) {
  const Eigen::VectorXf x = X.row(i);
  std::vector<float> p(head.n_classes());
  head.predict_pooled(x.data(), p);
  return p;
}

double largest_difference(const ExitHead& a, const ExitHead& b, const Eigen::MatrixXf& X) {
  double worst = 0;
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const auto p = probabilities(a, X, i), q = probabilities(b, X, i);
    for (std::size_t c = 0; c < p.size(); ++c) worst = std::max(worst, static_cast<double>(std::abs(p[c] - q[c])));
  }
  return worst;
}

ExitHead load(const json& stored) {
  ExitHead head;
  from_json(stored, head);
  return head;
}

const json& vectors() {
  static const json all = [] {
    std::ifstream file(WEIR_TEST_DIR "/vectors/exit_head.json");
    return json::parse(file);
  }();
  return all;
}

}  // namespace

TEST_CASE("ExitHead: softmax(W x + b) for every width, from activations and from pooled values alike") {
  for (const std::size_t d : {1U, 3U, 7U, 8U, 9U, 16U, 61U})
    for (const std::size_t classes : {2U, 3U, 11U}) {
      std::vector<float> w(d * classes), b(classes), x(d * 4);
      for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>((i * 29) % 17) / 8 - 1;
      for (std::size_t i = 0; i < classes; ++i) b[i] = static_cast<float>(i % 3) - 1;
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 13) % 23) / 16;
      const ExitHead head({1}, classes, w, b);
      CHECK(head.n_pooled() == d);
      std::vector<float> p(classes), q(classes), pooled(d);
      const Shape shape{static_cast<std::int64_t>(d), 2, 2};
      head.predict(x.data(), shape, pooled.data(), p);
      head.predict_pooled(pooled.data(), q);
      CHECK(p == q);
      std::vector<double> e(classes);
      double sum = 0;
      for (std::size_t c = 0; c < classes; ++c) {
        double z = static_cast<double>(b[c]);
        for (std::size_t j = 0; j < d; ++j) {
          double mean = 0;
          for (std::size_t k = 0; k < 4; ++k) mean += static_cast<double>(x[4 * j + k]) / 4;
          z += static_cast<double>(w[c * d + j]) * mean;
        }
        sum += e[c] = std::exp(z);
      }
      for (std::size_t c = 0; c < classes; ++c) CHECK(p[c] == doctest::Approx(e[c] / sum).epsilon(1e-4));
    }
  CHECK_THROWS_AS(ExitHead({1}, 2, {1, 2, 3}, {0, 0}), weir::ShapeError);
  CHECK_THROWS_AS(ExitHead({1}, 2, {}, {0, 0}), weir::ShapeError);
  CHECK_THROWS_AS(ExitHead({1}, 1, {1}, {0}), weir::ShapeError);
  CHECK_THROWS_AS(ExitHead({1}, 3, {1, 2, 3}, {0, 0}), weir::ShapeError);
}

TEST_CASE("ExitHeadLearner: scikit-learn's optimum") {
  REQUIRE(vectors().at("heads").size() == 3);
  for (const auto& c : vectors().at("heads")) {
    const auto rows = c.at("X").get<std::vector<std::vector<double>>>();
    const auto y = c.at("y").get<std::vector<int>>();
    const auto mean = c.at("mean").get<std::vector<double>>(), deviation = c.at("deviation").get<std::vector<double>>();
    const auto w = c.at("sample_weight").get<std::vector<double>>();
    const auto classes = c.at("classes").get<std::size_t>();
    const double C = c.at("C");
    const auto n = std::ssize(rows), d = std::ssize(rows[0]);
    Eigen::MatrixXf X(n, d);
    Eigen::MatrixXd Z(n, d);
    for (Eigen::Index i = 0; i < n; ++i)
      for (Eigen::Index j = 0; j < d; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const double x = rows[static_cast<std::size_t>(i)][at];
        X(i, j) = static_cast<float>(x);
        Z(i, j) = (x - mean[at]) / deviation[at];
      }
    const Eigen::VectorXd weight = Eigen::Map<const Eigen::VectorXd>(w.data(), n);
    const ExitHead head =
        ExitHeadLearner{.C = C, .max_iterations = 2000, .tolerance = 1e-8}.fit({1}, X, y, classes, weight);

    // Ours back in standardised features: W_j = w_j deviation_j, b = bias + sum_j w_j mean_j.
    auto [W, b] = parameters(head);
    b += W * Eigen::Map<const Eigen::VectorXd>(mean.data(), d);
    W = W * Eigen::Map<const Eigen::VectorXd>(deviation.data(), d).asDiagonal();
    Eigen::MatrixXd their_W(static_cast<Eigen::Index>(classes), d);
    Eigen::VectorXd their_b(static_cast<Eigen::Index>(classes));
    for (std::size_t k = 0; k < classes; ++k) {
      their_b(static_cast<Eigen::Index>(k)) = c.at("intercept")[k];
      for (Eigen::Index j = 0; j < d; ++j)
        their_W(static_cast<Eigen::Index>(k), j) = c.at("coef")[k][static_cast<std::size_t>(j)];
    }
    CHECK(objective(Z, y, weight, W, b, C) ==
          doctest::Approx(objective(Z, y, weight, their_W, their_b, C)).epsilon(1e-6));
    CHECK((W - their_W).cwiseAbs().maxCoeff() < 5e-3 * their_W.cwiseAbs().maxCoeff());
    for (Eigen::Index i = 0; i < 5; ++i) {
      const auto p = probabilities(head, X, i);
      for (std::size_t k = 0; k < classes; ++k)
        CHECK(std::abs(static_cast<double>(p[k]) - c.at("probability")[static_cast<std::size_t>(i)][k].get<double>()) <
              1e-3);
    }
  }
}

TEST_CASE("ExitHeadLearner: weight 2 is the row twice, weight 0 is no row, no weights are ones") {
  const Problem p = blobs(150, 6, 3, 1);
  std::vector<Eigen::Index> repeated;
  for (Eigen::Index i = 0; i < 150; ++i)
    for (int c = 0; c < static_cast<int>(p.weight(i)); ++c) repeated.push_back(i);
  std::vector<int> labels;
  for (const Eigen::Index i : repeated) labels.push_back(p.y[static_cast<std::size_t>(i)]);
  const ExitHeadLearner learner;
  const Eigen::MatrixXf X = p.X(repeated, Eigen::all);
  const ExitHead weighted = learner.fit({1}, p.X, p.y, 3, p.weight), copies = learner.fit({1}, X, labels, 3);
  CHECK(largest_difference(weighted, copies, p.X) < 1e-3);
  CHECK(largest_difference(weighted, learner.fit({1}, p.X, p.y, 3), p.X) > 1e-2);
  CHECK(learner.fit({1}, p.X, p.y, 3, Eigen::VectorXd::Ones(150)) == learner.fit({1}, p.X, p.y, 3));
}

TEST_CASE("ExitHeadLearner: deterministic, learns, tells its progress, leaves constant features alone") {
  const Problem p = blobs(400, 6, 4, 2);
  const ExitHeadLearner learner;
  std::size_t calls = 0, last = 0;
  const ExitHead head = learner.fit({1}, p.X, p.y, 4, {}, [&](std::size_t done, std::size_t of) {
    CHECK(done == last + 1);
    CHECK(done <= of);
    last = done, ++calls;
  });
  CHECK(calls > 3);
  CHECK(head == learner.fit({1}, p.X, p.y, 4));
  int right = 0;
  for (Eigen::Index i = 0; i < 400; ++i)
    right += weir::detail::argmax(probabilities(head, p.X, i)) == p.y[static_cast<std::size_t>(i)];
  CHECK(right > 300);
  CHECK(parameters(head).first.col(5).cwiseAbs().maxCoeff() == 0);
}

TEST_CASE("ExitHeadLearner: centred far from zero, one class missing, one row") {
  Problem p = blobs(200, 4, 3, 3);
  const ExitHead near = ExitHeadLearner{}.fit({1}, p.X, p.y, 3);
  Problem moved = p;
  moved.X.col(1).array() += 64;  // about 600 deviations
  const ExitHead far = ExitHeadLearner{}.fit({1}, moved.X, p.y, 3);
  for (Eigen::Index i = 0; i < 200; ++i) {
    const auto a = probabilities(near, p.X, i), b = probabilities(far, moved.X, i);
    for (std::size_t c = 0; c < 3; ++c) CHECK(std::abs(a[c] - b[c]) < 5e-3F);
  }
  const ExitHead spare = ExitHeadLearner{}.fit({1}, p.X, p.y, 5);  // classes 3 and 4 never occur
  for (Eigen::Index i = 0; i < 200; ++i) CHECK(weir::detail::argmax(probabilities(spare, p.X, i)) < 3);
  const ExitHead single = ExitHeadLearner{}.fit({1}, p.X.topRows(1), {2}, 3);
  CHECK(weir::detail::argmax(probabilities(single, p.X, 0)) == 2);
}

TEST_CASE("ExitHeadLearner: what it cannot fit is refused") {
  const Problem p = blobs(20, 3, 2, 4);
  const ExitHeadLearner learner;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Eigen::MatrixXf X = p.X;
    X(4, 1) = bad;
    CHECK_THROWS_AS(learner.fit({1}, X, p.y, 2), weir::ArgumentError);
    Eigen::VectorXd weight = Eigen::VectorXd::Ones(20);
    weight(2) = static_cast<double>(bad);
    CHECK_THROWS_AS(learner.fit({1}, p.X, p.y, 2, weight), weir::ArgumentError);
  }
  CHECK_THROWS_AS(learner.fit({1}, p.X, p.y, 2, Eigen::VectorXd::Zero(20)), weir::ArgumentError);
  CHECK_THROWS_AS(learner.fit({1}, p.X, p.y, 2, -Eigen::VectorXd::Ones(20)), weir::ArgumentError);
  CHECK_THROWS_AS(learner.fit({1}, p.X, p.y, 2, Eigen::VectorXd::Ones(19)), weir::ShapeError);
  for (const int label : {-1, 2}) {
    std::vector<int> y = p.y;
    y[7] = label;
    CHECK_THROWS_AS(learner.fit({1}, p.X, y, 2), weir::ArgumentError);
    CHECK_THROWS_AS(weir::detail::enough_examples(y, 2), weir::ArgumentError);
  }
  CHECK_THROWS_AS(learner.fit({1}, p.X, {0, 1}, 2), weir::ShapeError);
  CHECK_THROWS_AS(learner.fit({1}, p.X, p.y, 1), weir::ShapeError);
  CHECK_THROWS_AS(learner.fit({1}, Eigen::MatrixXf(0, 3), {}, 2), weir::ShapeError);
  for (const double C : {0.0, -1.0, std::nan(""), HUGE_VAL})
    CHECK_THROWS_AS(ExitHeadLearner{.C = C}.fit({1}, p.X, p.y, 2), weir::ArgumentError);
}

TEST_CASE("fit_cross: a row is answered by a head that never saw it") {
  const Problem p = blobs(90, 5, 3, 5);
  std::vector<std::size_t> fold;
  for (std::size_t i = 0; i < 90; ++i) fold.push_back((i * 7) % 4);
  const auto cross = weir::detail::fit_cross(ExitHeadLearner{}, {1}, p.X, p.y, 3, fold, 4);
  CHECK(cross.head == ExitHeadLearner{}.fit({1}, p.X, p.y, 3));
  for (std::size_t f = 0; f < 4; ++f) {
    std::vector<Eigen::Index> others;
    std::vector<int> labels;
    for (std::size_t i = 0; i < 90; ++i)
      if (fold[i] != f) others.push_back(static_cast<Eigen::Index>(i)), labels.push_back(p.y[i]);
    const ExitHead head = ExitHeadLearner{}.fit({1}, p.X(others, Eigen::all), labels, 3);
    for (std::size_t i = 0; i < 90; ++i) {
      if (fold[i] != f) continue;
      const auto q = probabilities(head, p.X, static_cast<Eigen::Index>(i));
      for (std::size_t c = 0; c < 3; ++c)
        CHECK(cross.probability(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(c)) == q[c]);
    }
  }
  fold[3] = 4;
  CHECK_THROWS_AS(weir::detail::fit_cross(ExitHeadLearner{}, {1}, p.X, p.y, 3, fold, 4), weir::ArgumentError);
  fold.pop_back();
  CHECK_THROWS_AS(weir::detail::fit_cross(ExitHeadLearner{}, {1}, p.X, p.y, 3, fold, 5), weir::ShapeError);
  CHECK_THROWS_AS(weir::detail::fit_cross(ExitHeadLearner{}, {1}, p.X, p.y, 3, std::vector<std::size_t>(90, 0), 1),
                  weir::ArgumentError);
}

TEST_CASE("enough_examples counts every class") {
  CHECK(weir::detail::enough_examples({0, 1, 0, 1}, 2, 2));
  CHECK_FALSE(weir::detail::enough_examples({0, 1, 0, 0}, 2, 2));
  CHECK_FALSE(weir::detail::enough_examples({0, 1, 0, 1}, 3, 1));
}

TEST_CASE("ExitHead, JSON: equal to the last bit; prefixes, missing fields and hostile values are refused") {
  const Problem p = blobs(60, 8, 3, 6);
  const ExitHead head = ExitHeadLearner{}.fit({2}, p.X, p.y, 3);
  json stored;
  to_json(stored, head);
  const std::string text = stored.dump();
  CHECK(load(json::parse(text)) == head);
  for (std::size_t length = 0; length < text.size(); ++length)
    CHECK_THROWS_AS(load(json::parse(text.substr(0, length), nullptr, false)), weir::FormatError);
  const std::vector<json> wrong = {nullptr,
                                   true,
                                   "x",
                                   json::object(),
                                   -1,
                                   0.5,
                                   1e300,
                                   std::uint64_t{1} << 60,
                                   json::array({"x"}),
                                   json::array({1e39}),
                                   json::array({nullptr})};
  for (const auto& item : stored.items()) {
    const std::string key = item.key();
    INFO(key);
    json damaged = stored;
    damaged.erase(key);
    CHECK_THROWS_AS(load(damaged), weir::FormatError);
    for (const json& w : wrong) {
      damaged = stored;
      damaged[key] = w;
      CHECK_THROWS_AS(load(damaged), weir::FormatError);
    }
  }
  for (const auto& [key, value] :
       {std::pair<const char*, int>{"grid", 0}, {"classes", 2}, {"classes", 0}, {"classes", 4}}) {
    json damaged = stored;
    damaged[key] = value;
    CHECK_THROWS_AS(load(damaged), weir::FormatError);
  }
}

}  // namespace WEIR_UNIT
