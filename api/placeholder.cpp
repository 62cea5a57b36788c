#include "server/catalog.hpp"
