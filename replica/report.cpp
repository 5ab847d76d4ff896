// SPDX-License-Identifier: MIT
//
// Text from other sources is escaped, so that it cannot add lines.

#include "report.hpp"

#include "text/escape.hpp"

namespace replica {

namespace {

const char *name_of(Report::State state)
{
    switch (state) {
    case Report::State::starting:
        return "starting";
    case Report::State::following:
        return "following";
    case Report::State::held:
        return "held";
    case Report::State::degraded:
        return "degraded";
    case Report::State::disconnected:
        return "disconnected";
    }
    return "unknown";
}

} // namespace

std::string encode_report(const Report &report)
{
    std::string text;
    const auto line = [&text](const std::string &name, const std::string &value) {
        if (!value.empty())
            text += name + " " + cli::harmless(value) + "\n";
    };
    line("state", name_of(report.state));
    line("reason", report.reason);
    line("endpoint", report.endpoint);
    line("source-revision", std::to_string(report.source_revision));
    line("connections", std::to_string(report.connections));
    line("transactions", std::to_string(report.transactions));
    line("partial-transactions", std::to_string(report.partial));
    for (const auto &[reason, count] : report.snapshots)
        line("snapshots-" + reason, std::to_string(count));
    line("refused", std::to_string(report.refusals));
    line("last-refused", report.refused);
    line("audits", std::to_string(report.audits));
    line("audit-differences", std::to_string(report.differences));
    line("overtaken-notifications", std::to_string(report.overtaken));
    return text;
}

} // namespace replica
