// SPDX-License-Identifier: MIT
//
// Options of counters. The kernel checks their combination.

#include "counter.hpp"

#include "exit_status.hpp"
#include "text/number.hpp"

namespace cli {

void CounterOptions::define(OptionTable &table)
{
    add_text(table, "--initial", "N", initial_,
             "value from which a missing key counts; default: 0");
    add_text(table, "--min", "N", minimum_, "refuse a sum below this");
    add_text(table, "--max", "N", maximum_, "refuse a sum above this");
    ttl_.define(table);
    ttl_if_new_.define(table, "--ttl-if-new",
                       "like --ttl, but only if the key is new: an existing one keeps its expiry");
    tag_.define(table);
    condition_.define(table);
}

void CounterOptions::apply(moddb_incr_options &options) const
{
    if (ttl_.given() && ttl_if_new_.given())
        throw UsageError("--ttl and --ttl-if-new exclude each other");
    options.ttl_ms = ttl_.given() ? ttl_.milliseconds() : ttl_if_new_.milliseconds();
    if (ttl_if_new_.given())
        options.flags = MODDB_TTL_IF_NEW;
    options.tag = tag_.number();
    condition_.apply(options);
    if (initial_)
        options.initial = parse_signed(*initial_, "--initial");
    if (minimum_) {
        options.minimum = parse_signed(*minimum_, "--min");
        options.bounds |= MODDB_BOUND_MINIMUM;
    }
    if (maximum_) {
        options.maximum = parse_signed(*maximum_, "--max");
        options.bounds |= MODDB_BOUND_MAXIMUM;
    }
}

} // namespace cli
