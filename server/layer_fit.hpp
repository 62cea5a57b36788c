#pragma once

#include <map>
#include <span>
#include <string>

#include "server/catalog.hpp"
#include "server/relation.hpp"

namespace gridlight {

/// Fits a declared layer to its relation. Whether its table tells of its changes is not known yet, nor the
/// SRID (0) of a geometry column that declares none. \return why it does not fit, for people; empty: it does
std::string fit_layer(layer& out, const layer_config& declared, const relation& found);

/// Finds what stands in for the places that `l` hides. \return why it cannot, for people; empty: it did
/// \param relations  of all layers, by their names
std::string fit_snap(layer& l, const relation& own, std::span<const layer> layers,
                     const std::map<std::string, const relation*, std::less<>>& relations);

}  // namespace gridlight
