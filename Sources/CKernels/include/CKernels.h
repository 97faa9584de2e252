// Small vector loops in C.
#pragma once

#include "clones.h"
#include "product.h"
#include "vector_ops.h"
#include "process.h"
