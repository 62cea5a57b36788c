#pragma once

#include <vector>

#include "sync/demo/plane.hpp"

namespace gridlight::sync::demo {

/// The land of one circuit and the way its feeder takes there from the substation.
struct circuit_land {
  rect land;
  std::vector<vec> approach;  ///< plan; from the substation to a corner of `land` or a place on its edge
};

/// Cuts a district's land into one piece a circuit, in proportion to the weights. `substation` gets the place
/// from which all approaches start: on the first cut.
std::vector<circuit_land> share_out(const rect& district, const std::vector<int>& weights, vec& substation);

/// How many of each a circuit has.
struct circuit_counts {
  int lines = 0, poles = 0, transformers = 0, buildings = 0, ponds = 0;
};

/// Streets, lots and lines of a circuit in the plan. u runs along the streets from the avenue, v along the
/// avenue.
class circuit_layout {
 public:
  circuit_layout(const circuit_land& land, const circuit_counts& counts);

  /// A trunk first, then laterals; each a path in the plan, cut into short pieces.
  struct line {
    std::vector<vec> path;
    struct run {
      std::size_t first, last;  ///< the pieces between these vertices lie along one street
    };
    std::vector<run> streets;
  };
  const std::vector<line>& lines() const noexcept { return lines_; }

  int lots() const noexcept { return lots_; }
  bool is_pond(int index) const noexcept;  ///< the others are built on, in order
  int lot_of_building(int building) const noexcept;

  struct lot {
    int street, number;   ///< number: of the house, odd on one side
    vec centre;           ///< plan
    vec to_street;        ///< plan, unit
    double width, depth;  ///< metres, along and across the street, without the verge
  };
  lot lot_at(int index) const noexcept;
  double lot_width() const noexcept { return lot_width_; }
  int streets() const noexcept { return streets_; }
  vec plan(double u, double v) const noexcept;
  double along(vec plan) const noexcept;  ///< the u of a place
  double first_lot_u() const noexcept;
  double street_length() const noexcept { return width_; }
  double avenue_length() const noexcept { return height_; }
  vec across() const noexcept;  ///< unit vector of v in the plan

 private:
  void orient(const circuit_land& land);
  void lay_lots(const circuit_counts& counts);
  void lay_lines(const circuit_land& land, int count);
  void add_streets(int first, int last, line& to) const;
  double street_v(int street) const noexcept;

  rect land_;            // inside its margins
  bool along_x_ = true;  // streets run along x
  bool from_x1_ = false, from_y1_ = false;
  double width_ = 0, height_ = 0;
  int streets_ = 1, per_side_ = 1, lots_ = 0;
  std::vector<int> pond_lots_;
  double lot_width_ = 0, spacing_ = 0;
  std::vector<line> lines_;
};

}  // namespace gridlight::sync::demo
