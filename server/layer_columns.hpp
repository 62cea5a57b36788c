#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/catalog.hpp"

namespace gridlight {

/// The properties that are served: all but the layer's personal ones, which are never even read. A caller
/// with scope personal is served catalog::unveiled, which has none.
std::vector<property> served_properties(const layer& l);

/// SQL of a layer's columns, whose table goes by the alias t and its stand-in's by a. Identifiers are quoted.
namespace layer_columns {

/// The table, with alias; the stand-in's is not joined.
std::string table(const layer& l);
/// What joins the stand-in's table to it, with a space before; empty: the layer has none.
std::string join(const layer& l);

/// Where the features are: the layer's own place, or that of its stand-in.
struct place {
  std::string geometry, geography;  ///< empty: none that may be told
};
place place_of(const layer& l);

/// A column as it is read: those of types that are not decoded natively as text.
std::string read(const property& p);

/// The feature's key as one text, as the API writes it: parts joined by ':', with '\' before ':' and '\'
/// where there are several.
std::string key_text(const layer& l);

}  // namespace layer_columns
}  // namespace gridlight
