#include "server/http/router.hpp"

#include <array>
#include <boost/assert.hpp>
#include <map>

#include "server/http/url.hpp"

namespace gridlight::http {
namespace {

using verb = boost::beast::http::verb;

constexpr std::size_t max_segments = 32;

struct segments {
  std::array<std::string_view, max_segments> parts;
  std::size_t count = 0;
};

// False for a path deeper than any route.
bool split(std::string_view path, segments& out) {
  if (!path.starts_with('/')) return false;
  path.remove_prefix(1);
  for (;;) {
    if (out.count == max_segments) return false;
    const auto slash = path.find('/');
    out.parts[out.count++] = path.substr(0, slash);
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_name(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

struct node {
  std::map<std::string, std::unique_ptr<node>, std::less<>> literals;
  std::unique_ptr<node> any;                          // a {name}
  std::vector<std::pair<verb, std::size_t>> methods;  // → index in routes
  std::string allow;
};

}  // namespace

struct router::impl {
  std::vector<route> routes;
  node root;

  struct walk {
    const segments& path;
    std::array<std::string_view, max_segments> values;
    std::size_t value_count = 0;
  };

  // The most literal node with routes at the end of the path, or nullptr; a {name} never matches nothing.
  static const node* descend(const node& at, std::size_t depth, walk& w) {
    if (depth == w.path.count) return at.methods.empty() ? nullptr : &at;
    const std::string_view segment = w.path.parts[depth];
    if (const auto it = at.literals.find(segment); it != at.literals.end())
      if (const node* found = descend(*it->second, depth + 1, w)) return found;
    if (!at.any || segment.empty()) return nullptr;
    const std::size_t mark = w.value_count;
    w.values[w.value_count++] = segment;
    if (const node* found = descend(*at.any, depth + 1, w)) return found;
    w.value_count = mark;
    return nullptr;
  }
};

router::router() : impl_(std::make_unique<impl>()) {}
router::~router() = default;
router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;

const std::vector<route>& router::routes() const noexcept {
  return impl_->routes;
}

void router::add(route r) {
  segments path;
  [[maybe_unused]] const bool fits = split(r.pattern, path);
  BOOST_ASSERT(fits);
  node* at = &impl_->root;
  for (std::size_t i = 0; i < path.count; ++i) {
    auto& next = is_name(path.parts[i]) ? at->any : at->literals[std::string{path.parts[i]}];
    if (!next) next = std::make_unique<node>();
    at = next.get();
  }
  for ([[maybe_unused]] const auto& [method, index] : at->methods)
    BOOST_ASSERT(method != r.method);
  if (!at->allow.empty()) at->allow += ", ";
  at->allow += to_string(r.method);
  if (r.method == verb::get) at->allow += ", HEAD";
  at->methods.emplace_back(r.method, impl_->routes.size());
  impl_->routes.push_back(std::move(r));
}

router::match router::find(verb method, std::string_view path) const {
  match out;
  segments parts;
  if (!split(path, parts)) return out;
  std::string decoded;
  decoded.reserve(path.size());  // decoding never lengthens, so that views into it stay
  for (std::size_t i = 0; i < parts.count; ++i) {
    if (parts.parts[i].find('%') == std::string_view::npos) continue;
    const std::size_t start = decoded.size();
    if (!percent_decode(parts.parts[i], false, decoded)) return out;
    parts.parts[i] = std::string_view{decoded}.substr(start);
  }
  impl::walk w{parts, {}, 0};
  const node* found = impl::descend(impl_->root, 0, w);
  if (found == nullptr) return out;
  const verb wanted = method == verb::head ? verb::get : method;
  for (const auto& [verb_of, index] : found->methods) {
    if (verb_of != wanted) continue;
    out.found = &impl_->routes[index];
    out.path_values.assign(w.values.begin(), w.values.begin() + static_cast<std::ptrdiff_t>(w.value_count));
    return out;
  }
  out.allow = found->allow;
  return out;
}

}  // namespace gridlight::http
