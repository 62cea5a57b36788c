#include "server/postgres/statement.hpp"
