/// An HTTP server with a time limit for each whole request.
///
/// cpp-httplib only limits the time between two bytes, so a client that sends one byte of its header every second holds
/// a thread for ever, and a few such clients hold all threads (the attack is called Slowloris). Here header and body
/// together have one limit; when it is over, the connection is closed.
#pragma once
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>

#include "http.hpp"

namespace serve {

/// A connected socket: reading fails after the deadline, and a write that waits longer than patience for room. Answers
/// are a few KB, which the kernel takes at once.
class DeadlineStream : public httplib::Stream {
 public:
  using Clock = std::chrono::steady_clock;

  DeadlineStream(socket_t s, std::chrono::milliseconds patience) : socket_(s), patience_(patience) {}

  void set_deadline(Clock::time_point until) { until_ = until; }
  /// Bytes came in that no request has used yet.
  bool holds_bytes() const { return next_ < end_; }

  bool is_readable() const override { return holds_bytes() || wait(POLLIN, until_); }
  bool is_writable() const override { return wait(POLLOUT, Clock::now() + patience_); }

  ssize_t read(char* to, std::size_t size) override {
    if (!holds_bytes()) {  // headers are read byte by byte: not a system call for each
      if (!wait(POLLIN, until_)) return -1;
      const ssize_t n = again([&] { return ::recv(socket_, buffer_.data(), buffer_.size(), 0); });
      if (n <= 0) return n;
      next_ = 0, end_ = static_cast<std::size_t>(n);
    }
    const std::size_t n = std::min(size, end_ - next_);
    std::copy_n(buffer_.data() + next_, n, to);
    next_ += n;
    return static_cast<ssize_t>(n);
  }

  ssize_t write(const char* from, std::size_t size) override {
    if (!is_writable()) return -1;
    return again([&] { return ::send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT); });
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override { address(::getpeername, ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { address(::getsockname, ip, port); }
  socket_t socket() const override { return socket_; }

 private:
  template <class Call>
  static ssize_t again(const Call& call) {
    ssize_t n = 0;
    do n = call();
    while (n < 0 && errno == EINTR);
    return n;
  }

  /// Until bytes can pass in that direction; false at the deadline.
  bool wait(short direction, Clock::time_point until) const {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
      if (left <= 0) return false;
      pollfd p{.fd = socket_, .events = direction, .revents = 0};
      const int ready = ::poll(&p, 1, static_cast<int>(std::min<long long>(left, 60'000)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

  template <class Name>
  void address(const Name& name, std::string& ip, int& port) const {
    sockaddr_storage a{};
    socklen_t length = sizeof a;
    if (name(socket_, reinterpret_cast<sockaddr*>(&a), &length) != 0) return;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (a.ss_family == AF_INET) {
      const auto& v4 = reinterpret_cast<const sockaddr_in&>(a);
      ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
      port = ntohs(v4.sin_port);
    } else if (a.ss_family == AF_INET6) {
      const auto& v6 = reinterpret_cast<const sockaddr_in6&>(a);
      ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
      port = ntohs(v6.sin6_port);
    }
    ip = text.data();
  }

  socket_t socket_;
  std::chrono::milliseconds patience_;
  Clock::time_point until_ = {};
  std::array<char, 16384> buffer_;
  std::size_t next_ = 0, end_ = 0;
};

/// cpp-httplib's server with those streams.
class PatientServer : public httplib::Server {
 public:
  /// request: from the first byte of a request to its last, and again for its answer to be taken.
  explicit PatientServer(std::chrono::milliseconds request) : request_(request) {}

 private:
  bool process_and_close_socket(socket_t s) override {
    using Clock = DeadlineStream::Clock;
    DeadlineStream stream(s, request_);
    bool done = true;
    for (std::size_t left = keep_alive_max_count_; left > 0 && svr_sock_ != INVALID_SOCKET; --left) {
      stream.set_deadline(Clock::now() + std::chrono::seconds(keep_alive_timeout_sec_));
      if (!stream.is_readable()) break;  // nothing was asked for
      stream.set_deadline(Clock::now() + request_);
      bool closed = false;
      done = process_request(stream, left == 1, closed, nullptr);
      if (!done || closed) break;
    }
    ::shutdown(s, SHUT_RDWR);
    ::close(s);
    return done;
  }

  std::chrono::milliseconds request_;
};

}  // namespace serve
