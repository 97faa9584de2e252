#pragma once
#include "priority_tree.h"
