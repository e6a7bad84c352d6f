// Serves a policy by HTTP.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/report/printable.hpp>

#include "program.hpp"
#include "programs.hpp"
#include "serve/metrics.hpp"
#include "serve/options.hpp"
#include "serve/page.hpp"
#include "serve/patient_server.hpp"
#include "serve/service.hpp"

namespace {

volatile std::sig_atomic_t asked_to_reload = 0, asked_to_stop = 0;

void log(const std::string& what) { std::fprintf(stderr, "%s\n", weir::detail::printable(what).c_str()); }

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

/// In a time that does not tell how much of it is right.
bool equal_secrets(std::string_view a, std::string_view b) {
  unsigned differs = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    differs |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()]);
  return differs == 0;
}

/// The first line of a file that others cannot read by accident: it holds a secret.
std::string read_token(const std::string& file) {
  const weir::detail::Bytes bytes = weir::detail::read_file(file, 4096);
  std::string token(bytes.data(), bytes.size());
  token.resize(std::min(token.find_first_of("\r\n"), token.size()));
  if (token.size() < 16) throw weir::ArgumentError(file + ": a token has at least 16 characters");
  return token;
}

class HttpServer {
 public:
  explicit HttpServer(const serve::Options& o)
      : options_(o),
        token_(o.token_file.empty() ? "" : read_token(o.token_file)),
        service_(o, log),
        server_(std::chrono::milliseconds(std::max(1L, std::lround(1e3 * o.time_limit_s)))) {
    if (token_.empty() && !is_loopback(o.host))
      throw weir::ArgumentError("--host " + o.host +
                                ": others can reach it: give --token-file FILE with a secret that they must know, or "
                                "stay on 127.0.0.1");
    server_.new_task_queue = [this] { return new httplib::ThreadPool(options_.connections); };
    server_.set_payload_max_length(o.max_bytes);
    server_.set_keep_alive_timeout(2);
    server_.set_tcp_nodelay(true);
    server_.set_socket_options([](socket_t s) {  // not SO_REUSEPORT, by which two servers would share one port
      const int yes = 1;
      ::setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.Get("/", [](const httplib::Request&, httplib::Response& r) {
      r.set_header("Content-Security-Policy",
                   "default-src 'none'; img-src blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                   "connect-src 'self'");
      r.set_content(serve::page.data(), serve::page.size(), "text/html; charset=utf-8");
    });
    server_.Get("/healthz", [this](const httplib::Request&, httplib::Response& r) {
      const bool ready = service_.current() != nullptr;
      r.status = ready ? 200 : 503;
      r.set_content(ready ? "ok\n" : "loading\n", "text/plain");
    });
    server_.Get("/metrics", [this](const httplib::Request& q, httplib::Response& r) {
      if (knows_token(q, r))
        r.set_content(metrics_.text(service_.waiting(), service_.current() != nullptr) + service_.watch_text(),
                      "text/plain; version=0.0.4");
    });
    server_.Post("/", [this](const httplib::Request& q, httplib::Response& r, const httplib::ContentReader& read) {
      answer(q, r, read);
      metrics_.request(r.status == -1 ? 200 : r.status);
    });
    server_.set_error_handler([this](const httplib::Request& q, httplib::Response& r) {
      if (!r.body.empty()) return;
      if (q.method == "POST" && r.status == 413) metrics_.request(413);
      fail(r, r.status,
           r.status == 413   ? "more than " + std::to_string(options_.max_bytes) + " bytes"
           : r.status == 404 ? "POST an image to /; GET /, /healthz or /metrics"
                             : "the request was not understood");
    });
  }

  void run() {
    const int port = options_.port == 0                                   ? server_.bind_to_any_port(options_.host)
                     : server_.bind_to_port(options_.host, options_.port) ? options_.port
                                                                          : -1;
    if (port < 0)
      throw weir::IoError(options_.host + ":" + std::to_string(options_.port) +
                          ": cannot be listened on (taken by another program, not this machine's, or not permitted)");
    std::exception_ptr failed;
    std::thread keeper([&] {
      try {
        service_.load();
        std::printf("serving %s at http://%s:%d/\n", weir::detail::printable(options_.policy).c_str(),
                    options_.host.c_str(), port);
        std::fflush(stdout);
        keep();
      } catch (...) {
        failed = std::current_exception();
      }
      while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      server_.stop();
    });
    server_.listen_after_bind();  // returns when all requests that were taken have their answers
    asked_to_stop = 1;
    keeper.join();
    service_.save();
    if (failed) std::rethrow_exception(failed);
  }

 private:
  /// Until the program is asked to stop: another policy takes the place of this one when its file changes, or on
  /// SIGHUP.
  void keep() {
    for (std::size_t tenths = 1; asked_to_stop == 0; ++tenths) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      if (tenths % 100 == 0) service_.save();
      const bool changed = service_.changed();
      if (asked_to_reload == 0 && !changed) continue;
      asked_to_reload = 0;
      try {
        service_.load();
        metrics_.reload(true);
        log("loaded " + options_.policy + " again");
      } catch (const std::exception& e) {
        metrics_.reload(false);
        log("error: " + std::string(e.what()) + "; the policy before goes on");
      }
    }
  }

  static void fail(httplib::Response& r, int status, const std::string& why) {
    r.status = status;
    if (status == 503) r.set_header("Retry-After", "1");
    r.set_content(nlohmann::json{{"error", why}}.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n",
                  "application/json");
  }

  bool knows_token(const httplib::Request& q, httplib::Response& r) const {
    if (token_.empty() || equal_secrets("Bearer " + token_, q.get_header_value("Authorization"))) return true;
    r.set_header("WWW-Authenticate", "Bearer");
    fail(r, 401, "Authorization: Bearer TOKEN is missing, or its token is not this server's");
    return false;
  }

  void answer(const httplib::Request& q, httplib::Response& r, const httplib::ContentReader& read) {
    r.set_header("Connection", "close");  // where a body is left unread the connection cannot be used again
    if (!knows_token(q, r)) return;
    if (q.is_multipart_form_data()) return fail(r, 415, "send the bytes of the image file themselves, not a form");
    using Clock = std::chrono::steady_clock;
    const Clock::time_point until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                       std::chrono::duration<double>(options_.time_limit_s));
    std::string bytes;
    bool late = false, large = false;
    const bool all = read([&](const char* data, std::size_t n) {
      late = Clock::now() > until;
      large = bytes.size() + n > options_.max_bytes;
      if (!late && !large) bytes.append(data, n);
      return !late && !large;
    });
    if (large || r.status == 413) return fail(r, 413, "more than " + std::to_string(options_.max_bytes) + " bytes");
    if (late || !all) return fail(r, 408, "the image did not arrive in time");
    r.headers.erase("Connection");
    try {
      const serve::Answer a = service_.answer(std::move(bytes));
      metrics_.answer(a.decision.exit, a.decision.seconds);
      reply(r, a);
    } catch (const serve::Full& e) {
      fail(r, 503, e.what());
    } catch (const serve::Late& e) {
      fail(r, 503, e.what());
    } catch (const weir::FormatError& e) {
      fail(r, 400, e.what());
    } catch (const weir::ArgumentError& e) {
      fail(r, 400, e.what());
    } catch (const std::exception& e) {
      log("error: " + std::string(e.what()));
      fail(r, 500, e.what());
    }
  }

  static void reply(httplib::Response& r, const serve::Answer& a) {
    const weir::Decision& d = a.decision;
    const std::vector<std::string>& names = a.version->names.names();
    const auto c = static_cast<std::size_t>(d.label);
    const auto at = static_cast<std::size_t>(std::ranges::find(a.version->stages, d.exit) - a.version->stages.begin());
    const double full = a.version->cost_to.back(), here = a.version->cost_to.at(at);
    r.set_content(nlohmann::json{{"label", d.label},
                                 {"name", c < names.size() ? names[c] : ""},
                                 {"probability", c < d.probabilities.size() ? d.probabilities[c] : 0.0F},
                                 {"exit", d.exit},
                                 {"ms", 1e3 * d.seconds},
                                 {"saved", full > 0 ? 1 - here / full : 0.0},
                                 {"stages", a.version->stages}}
                          .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) +
                      "\n",
                  "application/json");
  }

  const serve::Options options_;
  const std::string token_;
  serve::Service service_;
  serve::Metrics metrics_;
  serve::PatientServer server_;
};

}  // namespace

int weir::programs::serve(int argc, char** argv) {
  program::App app{
      "Serves a policy by HTTP.\n"
      "  POST / with the bytes of an image file: JSON with label, name, probability, exit, ms and saved (the share of\n"
      "  the full network's cost); errors are {\"error\": ...} with 400 (no image), 401, 408 (too slow), 413 (too "
      "large)\n"
      "  or 503 (too many at once).\n"
      "  GET / a page to drop images on; /healthz; /metrics for Prometheus.\n"
      "Policy and names of classes are loaded again when a file of theirs changes and on SIGHUP; what is under way is\n"
      "answered by those before.",
      "  @ bundle/policy.json --port 8080\n"
      "  curl --data-binary @photo.jpg http://127.0.0.1:8080/\n"};
  ::serve::Options o;
  o.add_to(app);
  app.add_option("--host", o.host, "address to listen on; another than this machine's own needs --token-file");
  app.add_option("--port", o.port, "0: any that is free")->check(CLI::Range(0, 65535));
  app.add_option("--token-file", o.token_file, "file whose first line requests must send: Authorization: Bearer TOKEN");
  app.add_option("--queue", o.queue, "images under way at once; more are refused with 503")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--connections", o.connections, "connections at once; more wait")->check(CLI::Range(1, 4096));
  app.add_option("--max-bytes", o.max_bytes, "largest image file")->check(CLI::Range(1, 1 << 28));
  app.add_option("--time-limit", o.time_limit_s,
                 "seconds for a request to arrive, header and image, and for its answer")
      ->check(CLI::Range(0.01, 3600.0));
  app.add_option(
         "--audit", o.audit,
         "share of the images on which the full network runs too, behind the answer: whether answers differ from "
         "its own more often than --audit-budget is in /metrics, and an alarm in the log")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option(
         "--audit-budget", o.audit_budget,
         "most answers that may differ from the full network's, as a share. 0: the upper limit of what the policy "
         "differed by in calibration, as its file has it: that notices a change, but is more than the policy's "
         "budget. The budget itself (0.01 for 1 %) certifies the promise: no more than differs can be lost. A "
         "policy that differs more often, since what it mends differs too, then gives alarms though it keeps it")
      ->check(CLI::Range(0.0, 0.9999));
  app.add_option("--audit-confidence", o.audit_confidence, "of certificate and alarm")->check(CLI::Range(0.0, 0.9999));
  app.add_option("--audit-state", o.audit_state,
                 "file that audits go on from, and are kept in: every 10 seconds and at the end");
  app.add_flag("--audit-safer", o.audit_safer, "on an alarm the next of the policy file's safer policies takes over");
  return program::run(app, argc, argv, [&] {
    if (o.queue < o.batch) throw weir::ArgumentError("--queue: at least a batch (--batch)");
    struct sigaction on_reload {
    }, on_stop{};
    on_reload.sa_handler = [](int) { asked_to_reload = 1; };
    on_stop.sa_handler = [](int) { asked_to_stop = 1; };
    ::sigaction(SIGHUP, &on_reload, nullptr);
    ::sigaction(SIGTERM, &on_stop, nullptr);
    ::sigaction(SIGINT, &on_stop, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    HttpServer(o).run();
  });
}
