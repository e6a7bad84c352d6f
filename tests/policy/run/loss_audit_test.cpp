#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/loss_audit.hpp>

namespace WEIR_UNIT {

using weir::detail::counter_uniform, weir::LossAudit, weir::LossAuditOptions;

namespace {

/// All sequences of n losses, each with its probability where loss i has probability p[i].
template <typename Visit>
void enumerate(const std::vector<double>& p, const Visit& visit) {
  std::vector<bool> losses(p.size());
  for (std::size_t bits = 0; bits < std::size_t{1} << p.size(); ++bits) {
    double probability = 1;
    for (std::size_t i = 0; i < p.size(); ++i) {
      losses[i] = (bits >> i & 1U) != 0;
      probability *= losses[i] ? p[i] : 1 - p[i];
    }
    visit(losses, probability);
  }
}

/// Of a stream in which everything is audited.
struct Errors {
  double certificate = 0;  ///< the certificate was given at a time at which the mean of p so far was not below theta
  double alarm = 0;        ///< there was an alarm
};

Errors exact_errors(const std::vector<double>& p, double theta, double confidence) {
  Errors errors;
  bool takes_all = true;
  enumerate(p, [&](const std::vector<bool>& losses, double probability) {
    LossAudit audit({.share = 1, .budget = theta, .confidence = confidence});
    bool wrong = false;
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      takes_all = takes_all && audit.take();
      audit.observe(losses[i]);
      sum += p[i];
      wrong = wrong || (audit.certified() && sum / static_cast<double>(i + 1) >= theta);
    }
    if (wrong) errors.certificate += probability;
    if (audit.alarm()) errors.alarm += probability;
  });
  CHECK(takes_all);
  return errors;
}

}  // namespace

TEST_CASE("LossAudit: over all sequences of losses both processes have mean 1, and err as rarely as they say") {
  for (const double theta : {0.2, 0.5}) {
    double capital = 0;
    const std::size_t n = 12;
    enumerate(std::vector<double>(n, theta), [&](const std::vector<bool>& losses, double probability) {
      const auto D = static_cast<std::uint64_t>(std::ranges::count(losses, true));
      capital += probability * std::exp(LossAudit::log_capital(n, D, theta));
    });
    CHECK(capital == doctest::Approx(1));
    for (const double confidence : {0.5, 0.7, 0.9}) {
      const double level = (1 - confidence) / 2;  // of the first policy
      const Errors still = exact_errors(std::vector<double>(n, theta), theta, confidence);
      CHECK(still.certificate <= level);
      CHECK(still.alarm <= level);
    }
  }
  // Bets that never win would pass all of this.
  CHECK(exact_errors(std::vector<double>(12, 0.5), 0.5, 0.5).certificate > 0.02);
  CHECK(exact_errors(std::vector<double>(12, 0.5), 0.5, 0.5).alarm > 0.02);
}

TEST_CASE("LossAudit: whatever the drift, no certificate of a mean that is not below the budget; enumerated") {
  const double theta = 0.4, confidence = 0.5, level = 0.25;
  for (const double early : {0.0, 0.1, 0.9})
    for (const std::size_t change : {3U, 6U, 9U}) {
      std::vector<double> p(12, 0.8 - early);
      std::fill(p.begin(), p.begin() + static_cast<std::ptrdiff_t>(change), early);
      CHECK(exact_errors(p, theta, confidence).certificate <= level);
    }
  std::vector<double> kept(12, 0.1);  // an alarm may not come where p goes up and down below the budget
  for (std::size_t i = 0; i < 12; i += 3) kept[i] = theta;
  CHECK(exact_errors(kept, theta, confidence).alarm <= level);
}

TEST_CASE("LossAudit: how many audits a certificate takes, and what the upper limit is") {
  std::uint64_t audits = 0;
  LossAudit audit({.share = 1, .budget = 0.01, .confidence = 0.95});
  CHECK(audit.upper_limit() == 1);
  CHECK(!audit.certified());
  while (!audit.certified()) {
    CHECK(audit.take());
    audit.observe(false);
    ++audits;
  }
  CHECK(audits > 299);  // those that the exact test of one look takes
  CHECK(audits < 500);
  CHECK(audit.upper_limit() <= 0.01);
  CHECK(audit.upper_limit() > 0.0099);
  CHECK(!audit.alarm());
  // The limit is where the capital is 1 / level.
  audit.observe(true);
  const double at = audit.upper_limit();
  CHECK(LossAudit::log_capital(audits + 1, 1, at) == doctest::Approx(-std::log(audit.level())).epsilon(1e-4));
  CHECK(at > 0.01);
  CHECK(audit.total_upper_limit() < at);  // at delta, not delta / 2
  LossAudit always({.share = 1, .budget = 0.1, .confidence = 0.95});
  for (int i = 0; i < 50; ++i) always.observe(true);
  CHECK(always.upper_limit() > 0.999);
  CHECK(always.alarm());
  always.restart();
  CHECK(!always.alarm());
  CHECK(always.level() == doctest::Approx(0.05 / 6));
  CHECK(always.state().past_losses == 50);
}

TEST_CASE("LossAudit: the audited images are a share of all, by the seed, and a stored state goes on bit for bit") {
  const LossAuditOptions options{.share = 0.1, .budget = 0.02, .confidence = 0.9, .seed = 7};
  LossAudit whole(options), half(options);
  std::size_t taken = 0;
  for (std::size_t i = 0; i < 20000; ++i) {
    if (i == 9000) half.restart(), whole.restart();
    if (i == 12345) half = LossAudit(options, half.state());
    const bool a = whole.take();
    CHECK(half.take() == a);
    if (!a) continue;
    ++taken;
    const bool loss = counter_uniform(9, i) < 0.02;
    whole.observe(loss);
    half.observe(loss);
    if (i % 50 == 0) whole.observe_past(loss), half.observe_past(loss);
  }
  CHECK(taken > 1850);
  CHECK(taken < 2150);
  CHECK(half.state() == whole.state());
  CHECK(whole.state().past_images == 9000);
}

TEST_CASE("LossAudit: a certificate of one budget is none of a smaller one, whose own audits raise the alarm") {
  // All disagreements are losses: 1.3 % is below what calibration had as the limit, and above a promise of 1 %.
  LossAudit as_calibrated({.share = 1, .budget = 0.0164}), promise({.share = 1, .budget = 0.01});
  for (std::uint64_t i = 0; i < 40000; ++i) {
    const bool loss = counter_uniform(4, i) < 0.013;
    for (LossAudit* audit : {&as_calibrated, &promise})
      if (audit->take()) audit->observe(loss);
  }
  CHECK(as_calibrated.certified());
  CHECK(!as_calibrated.alarm());
  CHECK(as_calibrated.upper_limit() > 0.01);
  CHECK(!promise.certified());
  CHECK(promise.alarm());
}

TEST_CASE("LossAudit: options and states out of range are refused") {
  const LossAuditOptions good{};
  for (const LossAuditOptions& bad :
       {LossAuditOptions{.share = 0}, LossAuditOptions{.share = 1.1}, LossAuditOptions{.share = std::nan("")},
        LossAuditOptions{.budget = 0}, LossAuditOptions{.budget = 1}, LossAuditOptions{.confidence = 0},
        LossAuditOptions{.confidence = 1}})
    CHECK_THROWS_AS(LossAudit{bad}, weir::ArgumentError);
  LossAudit::State state;
  state.audits = 1;  // of no image
  CHECK_THROWS_AS(LossAudit(good, state), weir::ArgumentError);
  state.images = 1;
  CHECK_NOTHROW(LossAudit(good, state));
  state.losses = 2;
  CHECK_THROWS_AS(LossAudit(good, state), weir::ArgumentError);
  state.losses = 1;
  state.capital[2] = std::nan("");
  CHECK_THROWS_AS(LossAudit(good, state), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
