// Sessions over TLS in this process, so that the sanitizers see them.
#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

#include "server/http/file_watch.hpp"
#include "tests/support/certificate.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/toy_server.hpp"

using namespace gridlight;
using namespace gridlight::test;

namespace {

struct tls_bench {
  explicit tls_bench(config::http_settings s = quick_settings()) : settings(std::move(s)) {
    settings.tls.certificate = folder.path() / "server.pem";
    settings.tls.key = folder.path() / "server.key";
    make_certificate(settings.tls.certificate, settings.tls.key, "toy");
    keeper.emplace(settings.tls);
    REQUIRE(keeper->load().has_value());
    server.emplace(settings, &*keeper);
  }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(server->port()); }
  command_outcome curl(const std::string& arguments) const {
    return run_command("curl -sS --max-time 30 --cacert '" + settings.tls.certificate + "' " + arguments +
                       " 2>&1");
  }
  temp_folder folder;
  config::http_settings settings;
  std::optional<http::tls_keeper> keeper;
  std::optional<toy_server> server;
};

// Sends all, then reads all: what a client does that does not look up from its writing.
std::string sent_then_read(std::uint16_t port, std::string_view bytes) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free};
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio{BIO_new_ssl_connect(context.get()), BIO_free_all};
  BIO_set_conn_hostname(bio.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
  REQUIRE(BIO_do_connect(bio.get()) == 1);
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const int n = BIO_write(bio.get(), bytes.data() + sent, static_cast<int>(bytes.size() - sent));
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  CHECK(sent == bytes.size());
  std::string out;
  std::array<char, 4096> part{};
  for (int n = 0; (n = BIO_read(bio.get(), part.data(), part.size())) > 0;)
    out.append(part.data(), static_cast<std::size_t>(n));
  return out;
}

}  // namespace

TEST_CASE("a refusal reaches a client that sends all before it reads") {
  const tls_bench b;
  const auto before = std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's own sockets would raise it
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\n", body(30'000'000, 'b');
  for (const char* framing :
       {"Content-Length: 30000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1C9C380\r\n"}) {
    CAPTURE(framing);
    CHECK(sent_then_read(b.server->port(), head + framing + body).starts_with("HTTP/1.1 413 "));
  }
  std::signal(SIGPIPE, before);
}

TEST_CASE("answers of every size arrive whole over TLS") {
  const tls_bench b;
  for (const int size : {0, 1, 1000, 8191, 8192, 16384, 16385, 70'000, 3'000'000}) {
    const auto reply = b.curl(b.url() + "/bytes?n=" + std::to_string(size));
    CHECK(reply.status == 0);
    CHECK(reply.output == std::string(static_cast<std::size_t>(size), 'x'));
  }
  const std::string body = b.folder.path() / "body";
  std::ofstream{body} << std::string(99'999, 'b');
  CHECK(b.curl("--data-binary @" + body + " " + b.url() + "/echo").output == std::string(99'999, 'b'));
  // Too long: refused before it is read, and the refusal arrives.
  std::ofstream{body} << std::string(5'000'000, 'b');
  CHECK(b.curl("-o /dev/null -w '%{http_code}' -H Expect: --data-binary @" + body + " " + b.url() + "/echo")
            .output == "413");
}

TEST_CASE("requests one after the other on one connection") {
  const tls_bench b;
  std::string urls;
  for (int i = 0; i < 200; ++i)
    urls += " " + b.url() + "/hello";
  const auto reply = b.curl("-w '%{num_connects}'" + urls);
  CHECK(reply.output.starts_with("hello1hello0hello0"));
  CHECK(reply.output.size() == 200 * 6);
  // Two in one record: the second is found in what OpenSSL has deciphered already.
  const auto both = run_command(
      "printf 'GET /hello HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nGET /tagged HTTP/1.1\\r\\nHost: a\\r\\n"
      "Connection: close\\r\\n\\r\\n' | timeout 20 openssl s_client -quiet -ign_eof -connect 127.0.0.1:" +
      std::to_string(b.server->port()) + " 2>/dev/null");
  CHECK(both.output.find("\r\n\r\nhelloHTTP/1.1 200") != std::string::npos);
  CHECK(both.output.ends_with(std::string(5000, 'y')));
}

TEST_CASE("certificates are replaced while requests are answered") {
  tls_bench b;
  std::atomic<bool> done{false};
  std::thread renewing{[&] {
    while (!done)
      CHECK(b.keeper->load().has_value());
  }};
  const auto reply = run_command("for i in 1 2 3 4 5 6 7 8 9 10; do curl -sS -k --max-time 30 " + b.url() +
                                 "/hello " + b.url() + "/tagged & done; wait");
  done = true;
  renewing.join();
  CHECK(reply.output.size() == 10 * 5005);
}

TEST_CASE("clients that leave in the middle of a handshake or send nonsense cost their own connection only") {
  tls_bench b;
  const auto port = b.server->port();
  for (int i = 0; i < 50; ++i) {
    http_client client{port};
    client.connect();
    const std::string bytes(static_cast<std::size_t>(i) * 7, static_cast<char>(i % 3 == 0 ? 0x16 : i));
    if (!bytes.empty()) client.send(bytes);
    if (i % 2 == 0)
      client.reset();
    else
      client.close();
  }
  CHECK(b.curl(b.url() + "/hello").output == "hello");
}

TEST_CASE("a watched file that is written, replaced, removed or made is noticed once") {
  const temp_folder folder;
  const std::string one = folder.path() / "one", two = folder.path() / "two", link = folder.path() / "link";
  std::ofstream{one} << "a";
  http::file_watch watch;
  CHECK(watch.empty());
  watch.add("");
  CHECK(watch.empty());
  watch.add(one);
  watch.add(two);
  CHECK_FALSE(watch.empty());
  CHECK_FALSE(watch.changed());
  std::ofstream{one} << "ab";
  CHECK(watch.changed());
  CHECK_FALSE(watch.changed());
  std::ofstream{two} << "";
  CHECK(watch.changed());
  std::ofstream{link} << "ab";
  std::filesystem::rename(link, one);
  CHECK(watch.changed());
  std::filesystem::remove(two);
  CHECK(watch.changed());
  CHECK_FALSE(watch.changed());
  std::ofstream{one} << "abc";
  watch.follow({one, "", link});
  CHECK(watch.changed());  // what came before it was followed again
  std::ofstream{two} << "back";
  CHECK_FALSE(watch.changed());
}

TEST_CASE("a stream goes through TLS, too: to its end, and until the client hangs up") {
  const tls_bench b;
  const auto got = b.curl("'" + b.url() + "/stream?count=4&size=30000&every_ms=5'");
  CHECK(got.status == 0);
  CHECK(got.output == std::string(120'000, 'z'));
  const auto cut = b.curl("-m 0.5 -o /dev/null '" + b.url() + "/stream?count=0&size=3&every_ms=600000'");
  CHECK(cut.status == 28);
  bool gone = false;
  for (int i = 0; i < 100 && !gone; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    gone = b.server->metrics_text().find("\ngridlight_events_listeners 0\n") != std::string::npos;
  }
  CHECK(gone);
}
