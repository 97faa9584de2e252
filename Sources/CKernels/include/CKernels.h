// Small loops in C, and system calls that Swift cannot import.
#pragma once

#include "clones.h"
#include "memory_file.h"
#include "priority_tree.h"
#include "process.h"
#include "product.h"
#include "vector_ops.h"
