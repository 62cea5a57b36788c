#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/bbox.hpp"
#include "server/change_log.hpp"
#include "server/deadline.hpp"
#include "server/published.hpp"

namespace gridlight {

/// A layer's version and what led to it, as gridlight.layer_state, layer_change and tile_state tell.
struct layer_knowledge {
  std::int64_t version = 0;
  std::int64_t floor = 0;  ///< what changed up to this version is not known any more
  change_log changes;      ///< all behind `floor`, oldest first; a version may have several

  /// More is not kept: the floor rises instead. The database keeps less, so that every replica has the same.
  static constexpr std::size_t most_changes = 8192, most_boxes = 32768;

  /// The generalised table: zooms below `detail_zoom` are read from it.
  struct generalised {
    std::int64_t version = 0;  ///< of the layer that it was made from
    int detail_zoom = 0;
    std::int64_t rules = 0;   ///< hash_of_rules
    std::int64_t places = 0;  ///< version of the layer whose places it has; 0: they are its own
    friend bool operator==(const generalised&, const generalised&) = default;
  };
  std::optional<generalised> tiles;

  /// The last version, up to `until`, that touched the box; what is older than the knowledge may have touched
  /// everything. The same on every replica: it names what the box holds. With `since` what is not newer is
  /// not looked for, and at least `since` is returned.
  std::int64_t touched(const geo::bbox& box, std::int64_t until, std::int64_t since = 0) const noexcept;
};

/// What a reading found new.
struct news {
  struct item {
    std::string layer;
    std::int64_t version = 0;
    bool everything = false;            ///< it may all have changed
    std::vector<layer_change> changes;  ///< those behind the version known before
    bool tiles = false;                 ///< its generalised table is of another version, too
  };
  std::vector<item> items;
  bool other_history = false;  ///< another database, or one that was set back: nothing kept holds
};

/// Which history of which database versions are of: in another one the same number is something else.
struct data_origin {
  std::string id;           ///< made when the schema was; empty: not known, as of a schema before it had one
  std::int64_t system = 0;  ///< the server's own number, the same on its replicas; 0: not known
  std::int64_t timeline = 0;  ///< raised when a replica takes over, and by a restore; 0: not known
};

/// The layers' versions as the database last told them. One for all threads.
class version_store {
 public:
  using versions = std::map<std::string, std::int64_t, std::less<>>;
  struct knowledge : std::map<std::string, std::shared_ptr<const layer_knowledge>, std::less<>> {
    std::uint64_t edition = 0;  ///< another number whenever it says something else; never 0 when learnt
    std::uint64_t mark = 0;     ///< version_store::mark()
  };

  /// How old a reading may be and still be trusted: what changed since is at most so long unknown to us.
  static constexpr std::chrono::milliseconds trusted_for{1000};

  /// The versions; nothing when the last reading is older than that. Every change that was committed
  /// `trusted_for` ago is among them.
  std::shared_ptr<const versions> fresh(steady::time_point now = steady::now()) const noexcept;
  /// The last reading, however old; null: none yet.
  std::shared_ptr<const versions> last() const noexcept { return current_.load(); }
  std::shared_ptr<const knowledge> known() const noexcept { return known_.load(); }
  /// When it was asked for; the clock's epoch: never.
  steady::time_point asked_at() const noexcept { return asked_at_.load(); }

  /// Raised when the versions are those of another history: another database under the same name, or one that
  /// was set back to an earlier state. What was kept by its version before is then of no worth.
  std::uint64_t history() const noexcept { return history_.load(); }
  /// Goes into every name that clients are given of versions: a hash of where they come from, the same on
  /// every server of a database; 0: not known.
  std::uint64_t mark() const noexcept { return mark_.load(); }

  /// A layer as one reading found it.
  struct reading {
    std::int64_t version = 0, floor = 0;
    std::optional<layer_knowledge::generalised> tiles;
    std::vector<layer_change> changes;  ///< those behind the version known before, oldest first
  };
  using readings = std::map<std::string, reading, std::less<>>;
  /// \param asked_at  before the reading began
  /// \param database  its oid: a database that was dropped and made anew has another
  /// \param from  what of it is not known is taken to be as before; so is a timeline before the one known,
  /// for a replica that follows hears of a new one late
  void learn(readings now, steady::time_point asked_at, std::int64_t database, const data_origin& from = {});
  /// The same of versions alone: whatever changed may have changed everywhere.
  void set(const versions& now, steady::time_point asked_at, std::int64_t database = 0);

  /// Has `tell` called on `executor` after each reading that found something new, until what is returned is
  /// destroyed, on that executor's thread.
  using listener = std::function<void(const std::shared_ptr<const news>&)>;
  using subscription = std::shared_ptr<const listener>;
  [[nodiscard]] subscription listen(boost::asio::any_io_executor executor, listener tell) const;

 private:
  struct subscriber {
    boost::asio::any_io_executor executor;
    std::weak_ptr<const listener> tell;
  };
  void publish(std::shared_ptr<const news> what) const;

  published<const versions> current_;
  published<const knowledge> known_;
  bool moved_to(std::int64_t database, const data_origin& from, bool known_before);

  std::atomic<std::uint64_t> history_{0}, mark_{0};
  std::int64_t database_ = 0;   // of the thread that learns
  data_origin origin_;          // the same
  std::uint64_t editions_ = 0;  // the same
  std::atomic<steady::time_point> asked_at_{steady::time_point{}};
  mutable std::mutex lock_;  // of subscribers_
  mutable std::vector<subscriber> subscribers_;
};

}  // namespace gridlight
