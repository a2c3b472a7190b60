// A web server for the tests of scripts that download: it serves one folder on 127.0.0.1, each file under
// several first path elements that say how badly to behave. It writes its port to a file, each request to
// another, and stops by itself after a minute.
//
//   /plain/F      as a server should, with byte ranges
//   /cut/F        closes each connection after 100,000 bytes of the body
//   /lost/F       the same for the first bytes, and no answer at all to a request that resumes
//   /norange/F    ignores byte ranges, and so cannot resume
#include <algorithm>
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr std::size_t kCutAfter = 100'000;

void require(bool condition, const char* what) {
  if (condition) return;
  std::perror(what);
  std::exit(1);
}

std::string read_request(int connection) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = ::recv(connection, buffer, sizeof buffer, 0);
    if (count <= 0) return {};
    request.append(buffer, static_cast<std::size_t>(count));
  }
  return request;
}

void send_all(int connection, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// The first byte that "Range: bytes=N-" asks for, 0 without it.
std::size_t first_byte(const std::string& request) {
  const std::string key = "Range: bytes=";
  const std::size_t at = request.find(key);
  return at == std::string::npos ? 0 : std::stoul(request.substr(at + key.size()));
}

void answer(int connection, const std::filesystem::path& folder, const std::string& request) {
  const std::string target = request.substr(4, request.find(' ', 4) - 4);
  const std::size_t slash = target.find('/', 1);
  const std::string manner = target.substr(0, slash);
  const auto body = read_file(folder / std::filesystem::path(target).filename());
  if (slash == std::string::npos || !body) {
    return send_all(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }
  const std::size_t from = manner == "/norange" ? 0 : first_byte(request);
  if (manner == "/lost" && from > 0) return;
  if (from >= body->size()) {
    return send_all(connection,
                    "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }
  std::string head = from > 0 ? "HTTP/1.1 206 Partial Content\r\n" : "HTTP/1.1 200 OK\r\n";
  if (from > 0) {
    head += "Content-Range: bytes " + std::to_string(from) + "-" + std::to_string(body->size() - 1) + "/" +
            std::to_string(body->size()) + "\r\n";
  }
  head += "Content-Length: " + std::to_string(body->size() - from) + "\r\nConnection: close\r\n\r\n";
  const bool cut = manner == "/cut" || manner == "/lost";
  send_all(connection, head + body->substr(from, cut ? kCutAfter : std::string::npos));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: http_server FOLDER PORT_FILE REQUESTS_FILE\n");
    return 2;
  }
  ::alarm(60);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  require(listener >= 0, "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  require(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  require(::listen(listener, 16) == 0, "listen");
  require(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  const std::string port_file = argv[2];
  std::ofstream(port_file + ".new") << ntohs(address.sin_port) << '\n';
  std::filesystem::rename(port_file + ".new", port_file);
  for (;;) {
    const int connection = ::accept(listener, nullptr, nullptr);
    require(connection >= 0, "accept");
    const std::string request = read_request(connection);
    if (request.rfind("GET ", 0) == 0) {
      std::ofstream(argv[3], std::ios::app)
          << request.substr(4, request.find(' ', 4) - 4) << ' ' << first_byte(request) << '\n';
      answer(connection, argv[1], request);
    }
    ::shutdown(connection, SHUT_WR);
    ::close(connection);
  }
}
