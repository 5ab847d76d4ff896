// SPDX-License-Identifier: MIT
//
// Counters' options. Whether they make sense together is for the kernel to judge.

#include "counter.hpp"

#include "text/number.hpp"

namespace cli {

void CounterOptions::define(CLI::App &app)
{
    app.add_option("--initial", initial_, "what a key that does not exist counts from; default: 0")
        ->type_name("N");
    app.add_option("--min", minimum_, "refuse a sum below this")->type_name("N");
    app.add_option("--max", maximum_, "refuse a sum above this")->type_name("N");
    ttl_.define(app);
}

void CounterOptions::apply(moddb_incr_options &options) const
{
    options.ttl_ms = ttl_.milliseconds();
    if (!initial_.empty())
        options.initial = parse_signed(initial_, "--initial");
    if (!minimum_.empty()) {
        options.minimum = parse_signed(minimum_, "--min");
        options.bounds |= MODDB_BOUND_MINIMUM;
    }
    if (!maximum_.empty()) {
        options.maximum = parse_signed(maximum_, "--max");
        options.bounds |= MODDB_BOUND_MAXIMUM;
    }
}

} // namespace cli
