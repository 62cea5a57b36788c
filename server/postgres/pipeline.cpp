// Queries that share a session: libpq's pipeline mode. A Sync behind each keeps an error with its own query,
// and the backend, which finds the next query there when it has answered one, neither sleeps nor has to be
// woken.
#include <algorithm>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "server/postgres/connection_impl.hpp"

namespace gridlight::postgres {
namespace asio = boost::asio;
using boost::system::error_code;
using descriptor = asio::posix::stream_descriptor;

void connection::impl::piped::complete() {
  if (!resume) return;  // it has given up
  handler h = std::move(*resume);
  resume.reset();
  if (auto slot = asio::get_associated_cancellation_slot(h); slot.is_connected()) slot.clear();
  std::move(h)();
}

bool connection::impl::enter_pipeline() {
  return PQpipelineStatus(pg.get()) != PQ_PIPELINE_OFF || PQenterPipelineMode(pg.get()) != 0;
}

void connection::impl::leave_pipeline() {
  if (pipeline.empty() && PQpipelineStatus(pg.get()) != PQ_PIPELINE_OFF && PQexitPipelineMode(pg.get()) == 0)
    broken = true;
}

asio::awaitable<connection::impl::ending> connection::impl::converse_shared(deadline until, reply& out,
                                                                            sharer whose) {
  if (PQpipelineSync(pg.get()) == 0) {
    out.error = lost();
    co_return ending::complete;
  }
  const auto own = std::make_shared<piped>();
  own->until = until;
  own->whose = whose;
  if (pipeline.empty()) asked = steady::now();
  pipeline.push_back(own);
  flush_pipeline();
  watch_pipeline();
  if (!armed || until < armed_for) arm(until);
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      [this, &own](piped::handler h) {
        auto slot = asio::get_associated_cancellation_slot(h);
        own->resume.emplace(std::move(h));
        if (slot.is_connected())
          slot.assign([this, own](asio::cancellation_type) {
            own->interrupted = true;
            asio::post(socket.get_executor(), [own] { own->complete(); });
          });
      },
      asio::use_awaitable);
  if (own->interrupted) {
    co_await asio::this_coro::throw_if_cancelled(true);
    co_return ending::interrupted;
  }
  out = std::move(own->out);
  co_return ending::complete;
}

// What does not fit the socket's buffer goes when there is room again.
void connection::impl::flush_pipeline() {
  if (PQflush(pg.get()) != 1) return;  // what failed is read with the results
  socket.async_wait(descriptor::wait_write, [owner = self](const error_code& ec) {
    if (!ec && *owner != nullptr) (*owner)->flush_pipeline();
  });
}

namespace {

// The wait for answers. When the event loop ends, the handler is destroyed without having run: then the
// coroutines in the pipeline, which nothing else holds, go with it.
template <class Owner, class Drop>
struct guard {
  std::shared_ptr<Owner*> owner;
  Drop drop;
  guard(std::shared_ptr<Owner*> o, Drop d) : owner(std::move(o)), drop(d) {}
  guard(guard&&) noexcept = default;
  ~guard() {
    if (owner && *owner != nullptr) drop(**owner);
  }
};

}  // namespace

void connection::impl::watch_pipeline() {
  if (std::exchange(watching, true)) return;
  const auto drop = [](impl& c) { c.drop_pipeline(); };
  socket.async_wait(descriptor::wait_read,
                    [held = guard<impl, decltype(drop)>{self, drop}](const error_code&) mutable {
                      const auto owner = std::move(held.owner);
                      if (*owner != nullptr) (*owner)->on_answers();
                    });
}

void connection::impl::on_answers() {
  watching = false;
  piped_list ended;
  if (consume()) read_answers(ended);
  if (PQstatus(pg.get()) != CONNECTION_OK) fail_pipeline(ended);
  if (!pipeline.empty()) watch_pipeline();
  // The last that leaves may destroy this.
  for (const auto& one : ended)
    one->complete();
}

void connection::impl::read_answers(piped_list& ended) {
  // A null ends the results of one query; two in a row, that nothing more has come.
  for (int nulls = 0; nulls < 2 && !pipeline.empty() && PQisBusy(pg.get()) == 0;) {
    PGresult* const r = PQgetResult(pg.get());
    nulls = r == nullptr ? nulls + 1 : 0;
    if (r == nullptr) continue;
    switch (PQresultStatus(r)) {
      case PGRES_PIPELINE_SYNC:
        PQclear(r);
        ended.push_back(std::move(pipeline.front()));
        pipeline.pop_front();
        break;
      case PGRES_PIPELINE_ABORTED:  // a statement behind the one that failed
        PQclear(r);
        break;
      default:
        take(r, pipeline.front()->out);
    }
  }
}

void connection::impl::fail_pipeline(piped_list& ended) {
  broken = true;
  for (auto& one : std::exchange(pipeline, {})) {
    if (!one->out.error) one->out.error = lost();
    ended.push_back(std::move(one));
  }
}

void connection::impl::drop_pipeline() {
  broken = true;
  for (auto& one : std::exchange(pipeline, {}))
    one->resume.reset();  // destroys its coroutine; the last may destroy this
}

// A session whose answer is overdue may never answer: nobody else is to wait for it.
void connection::impl::expire_pipeline() {
  const auto now = steady::now();
  piped_list late_ones;
  deadline next = deadline::max();
  for (const auto& one : pipeline) {
    if (!one->resume) continue;
    if (one->until <= now) {
      one->interrupted = true;
      late_ones.push_back(one);
    } else {
      next = std::min(next, one->until);
    }
  }
  if (!late_ones.empty()) broken = true;
  if (next != deadline::max()) arm(next);
  for (const auto& one : late_ones)
    one->complete();
}

}  // namespace gridlight::postgres
