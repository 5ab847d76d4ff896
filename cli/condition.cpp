// SPDX-License-Identifier: MIT
//
// Conditions and times to live as options. An empty --if-value is a value: it counts as given.

#include "condition.hpp"

#include "exit_status.hpp"
#include "text/duration.hpp"
#include "text/number.hpp"

#include <fmt/core.h>

namespace cli {

namespace {

std::uint32_t parse_tag(std::string_view text, std::string_view what)
{
    const std::uint64_t number = parse_unsigned(text, what);
    if (number > UINT32_MAX)
        throw UsageError(fmt::format("{}: a tag has 32 bits: at most {}", what, UINT32_MAX));
    return static_cast<std::uint32_t>(number);
}

} // namespace

void Condition::define(OptionTable &table)
{
    add_switch(table, "--if-absent", absent_, "only if the key does not exist");
    add_switch(table, "--if-present", present_, "only if the key exists");
    add_text(table, "--if-version", "N", version_, "only if the entry has this version");
    add_text(table, "--if-value", "VALUE", value_, "only if the value is VALUE");
    add_text(table, "--if-tag", "N", tag_, "only if the entry has this tag");
}

bool Condition::given() const
{
    return absent_ || present_ || version_ || value_ || tag_;
}

template <typename Options>
void Condition::fill(Options &options) const
{
    if (absent_ + present_ + version_.has_value() + value_.has_value() + tag_.has_value() > 1)
        throw UsageError("only one condition can be given");
    if (absent_)
        options.condition = MODDB_IF_ABSENT;
    if (present_)
        options.condition = MODDB_IF_PRESENT;
    if (version_) {
        options.condition = MODDB_IF_VERSION;
        options.if_version = parse_unsigned(*version_, "--if-version");
    }
    if (value_) {
        options.condition = MODDB_IF_VALUE;
        options.if_value = value_->data();
        options.if_value_length = value_->size();
    }
    if (tag_) {
        options.condition = MODDB_IF_TAG;
        options.if_tag = parse_tag(*tag_, "--if-tag");
    }
}

void Condition::apply(moddb_write_options &options) const
{
    fill(options);
}

void Condition::apply(moddb_incr_options &options) const
{
    fill(options);
}

std::string failed_condition(std::uint64_t version)
{
    return version == 0 ? "condition failed: there is no such key"
                        : fmt::format("condition failed: the entry has version {}", version);
}

void Tag::define(OptionTable &table)
{
    add_text(table, "--tag", "N", text_, "number of 32 bits that the entry has beside its value");
}

std::uint32_t Tag::number() const
{
    return text_ ? parse_tag(*text_, "--tag") : 0;
}

void Ttl::define(OptionTable &table)
{
    define(table, "--ttl", "expire after this time: 1500ms, 10s, 5m, 2h, 7d");
}

void Ttl::define(OptionTable &table, const char *name, const char *help)
{
    name_ = name;
    add_text(table, name, "TIME", text_, help);
}

std::uint64_t Ttl::milliseconds() const
{
    if (!text_)
        return 0;
    const auto time = parse_duration(*text_);
    if (time.count() == 0)
        throw UsageError(fmt::format("{}: an entry cannot expire at once", name_));
    return static_cast<std::uint64_t>(time.count());
}

} // namespace cli
