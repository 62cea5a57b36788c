#include "tests/support/private_cluster.hpp"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/support/command.hpp"

namespace gridlight::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* programs = "/usr/lib/postgresql/15/bin/";

struct finish {
  void operator()(PGconn* c) const noexcept { PQfinish(c); }
  void operator()(PGresult* r) const noexcept { PQclear(r); }
};

// Free now; that nobody takes it before the cluster does is likely enough on a loopback of tests.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const bool found = ::bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  ::close(fd);
  if (!found) throw std::runtime_error{"no free port"};
  return ntohs(at.sin_port);
}

void must(const std::string& command) {
  const auto done = run_command(command + " 2>&1");
  if (done.status != 0) throw std::runtime_error{command + ": " + done.output};
}

// Its parent, or -1 when there is no such process. The name in /proc/PID/stat may have spaces and brackets.
pid_t parent_of(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto end = text.rfind(')');
  if (end == text.npos) return -1;
  std::istringstream rest{text.substr(end + 1)};
  char state = 0;
  pid_t parent = -1;
  rest >> state >> parent;
  return state == 'Z' ? -1 : parent;
}

}  // namespace

private_cluster::private_cluster(options o) : options_(std::move(o)), port_(free_port()) {
  // Not in the test's temporary folder, which user postgres may not enter; and a socket's path is short.
  std::string pattern = "/var/tmp/gridlight-cluster-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"no folder for a cluster"};
  home_ = pattern;
  try {
    if (::geteuid() == 0) must("chown postgres: " + home_.string());
    must(as_owner("", std::string{programs} + "initdb -D " + (home_ / "data").string() +
                          " -U postgres --encoding=UTF8 --locale=C.UTF-8 --no-sync --auth=trust"));
    configure();
    start();
    value("CREATE EXTENSION postgis");
  } catch (...) {
    kill_postmaster();
    fs::remove_all(home_);
    throw;
  }
}

private_cluster::~private_cluster() {
  thaw();
  kill_postmaster();  // nothing in it is worth a shutdown
  std::error_code ignored;
  fs::remove_all(home_, ignored);
}

std::string private_cluster::as_owner(const std::string& how, const std::string& command) const {
  const std::string user = ::geteuid() == 0 ? " --reuid=postgres --regid=postgres --init-groups" : "";
  return "cd / && " + how + " " + options_.inside + " setpriv --pdeathsig QUIT" + user +
         " env HOME=/ LC_ALL=C " + command;
}

void private_cluster::configure() const {
  std::ofstream out{home_ / "data/postgresql.conf", std::ios::app};
  out << "listen_addresses = '" << options_.address << "'\nport = " << port_
      << "\nunix_socket_directories = '" << home_.string() << "'\n"
      << "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\njit = off\nshared_buffers = 64MB\n"
      << "max_connections = 100\nwal_level = minimal\nmax_wal_senders = 0\nautovacuum = off\n"
      << "timezone = 'UTC'\nlog_timezone = 'UTC'\n";
  for (const auto& line : options_.settings)
    out << line << '\n';
  std::ofstream access{home_ / "data/pg_hba.conf", std::ios::trunc};
  access << "local all all trust\nhost all all 0.0.0.0/0 trust\n";
  if (!out.flush() || !access.flush()) throw std::runtime_error{"the cluster's settings were not written"};
}

std::string private_cluster::uri() const {
  return "host=" + options_.address + " port=" + std::to_string(port_) + " user=postgres dbname=postgres";
}
std::string private_cluster::socket_uri() const {
  return "host=" + home_.string() + " port=" + std::to_string(port_) + " user=postgres dbname=postgres";
}

std::string private_cluster::value(std::string_view sql) const {
  const std::unique_ptr<PGconn, finish> c{PQconnectdb((socket_uri() + " application_name=test").c_str())};
  if (PQstatus(c.get()) != CONNECTION_OK) throw std::runtime_error{PQerrorMessage(c.get())};
  const std::unique_ptr<PGresult, finish> r{PQexec(c.get(), std::string{sql}.c_str())};
  const auto status = PQresultStatus(r.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error{PQerrorMessage(c.get())};
  return PQntuples(r.get()) > 0 ? PQgetvalue(r.get(), 0, 0) : "";
}

void private_cluster::start() {
  launch();
  wait_until_accepting();
}

void private_cluster::launch() {
  // As a child, so that none is left behind when the test is killed, and its end can be awaited.
  const std::string command =
      as_owner("exec", std::string{programs} + "postgres -D " + (home_ / "data").string()) + " >>" +
      (home_ / "log").string() + " 2>&1";
  postmaster_ = ::fork();
  if (postmaster_ < 0) throw std::runtime_error{"fork failed"};
  if (postmaster_ > 0) return;
  ::close_range(3, ~0U, 0);  // the test's sockets are not for Postgres to keep open
  ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  ::_exit(127);
}

bool private_cluster::accepts() const {
  return PQping(socket_uri().c_str()) == PQPING_OK;
}

void private_cluster::wait_until_accepting(std::chrono::milliseconds timeout) const {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!accepts()) {
    if (std::chrono::steady_clock::now() > end) {
      std::ifstream log{home_ / "log"};
      throw std::runtime_error{"the cluster did not start:\n" +
                               std::string{std::istreambuf_iterator<char>{log}, {}}};
    }
    std::this_thread::sleep_for(5ms);
  }
}

std::vector<pid_t> private_cluster::processes() const {
  if (postmaster_ == -1) return {};
  std::vector<pid_t> out{postmaster_};
  for (const auto& entry : fs::directory_iterator{"/proc"}) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    const pid_t pid = std::stoi(name);
    if (parent_of(pid) == postmaster_) out.push_back(pid);
  }
  return out;
}

std::vector<pid_t> private_cluster::backends() const {
  std::istringstream list{
      value("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name = 'gridlight'")};
  std::vector<pid_t> out;
  for (pid_t pid = 0; list >> pid;)
    out.push_back(pid);
  return out;
}

void private_cluster::kill_postmaster() {
  const auto all = processes();
  for (const pid_t pid : all)
    ::kill(pid, SIGKILL);
  for (const pid_t pid : all)
    while (parent_of(pid) != -1)
      std::this_thread::sleep_for(1ms);
  if (postmaster_ != -1) ::waitpid(postmaster_, nullptr, 0);
  postmaster_ = -1;
}

void private_cluster::wait_until_gone(pid_t pid) {
  while (::kill(pid, 0) == 0)
    std::this_thread::sleep_for(1ms);
}

// The postmaster first, which then makes no more; and again, for what it made meanwhile.
void private_cluster::freeze() {
  for (int again = 0; again < 2; ++again)
    for (const pid_t pid : processes()) {
      if (std::ranges::find(frozen_, pid) != frozen_.end()) continue;
      ::kill(pid, SIGSTOP);
      frozen_.push_back(pid);
    }
}

void private_cluster::thaw() {
  for (const pid_t pid : frozen_)
    ::kill(pid, SIGCONT);
  frozen_.clear();
}

}  // namespace gridlight::test
