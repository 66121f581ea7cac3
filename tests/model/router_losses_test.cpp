#include "lib/model/moe/router_losses.h"

#include <catch2/catch.hpp>
