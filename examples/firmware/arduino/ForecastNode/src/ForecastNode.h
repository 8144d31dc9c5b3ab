/* SPDX-License-Identifier: MIT */
#ifndef FORECAST_NODE_H
#define FORECAST_NODE_H

#include "node.h"
#include "report.h"
#include "sensor.h"

#endif
