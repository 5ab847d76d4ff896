// SPDX-License-Identifier: MIT
//
// The metrics of a report.

#include "metrics.hpp"

#include "report.hpp"

#include <doctest/doctest.h>

using namespace replica;

TEST_CASE("metrics of a report")
{
    Report report;
    report.state = Report::State::following;
    report.endpoint = "one:2379";
    report.source_revision = 12;
    report.connections = 3;
    report.refused = "'k': too long";
    report.refusals = 1;
    report.snapshots = {{"first", 1}, {"compacted", 2}};
    CHECK(metrics_of("a\"b", true, {{1, 11, 2}, true, "p", false}, encode_report(report)) ==
          "# TYPE moddb_replica_fresh gauge\nmoddb_replica_fresh{database=\"a\\\"b\"} 1\n"
          "# TYPE moddb_replica_whole gauge\nmoddb_replica_whole{database=\"a\\\"b\"} 1\n"
          "# TYPE moddb_replica_revision gauge\nmoddb_replica_revision{database=\"a\\\"b\"} 11\n"
          "# TYPE moddb_replica_state gauge\n"
          "moddb_replica_state{database=\"a\\\"b\",state=\"following\"} 1\n"
          "# TYPE moddb_replica_source_revision gauge\n"
          "moddb_replica_source_revision{database=\"a\\\"b\"} 12\n"
          "# TYPE moddb_replica_connections_total counter\n"
          "moddb_replica_connections_total{database=\"a\\\"b\"} 3\n"
          "# TYPE moddb_replica_transactions_total counter\n"
          "moddb_replica_transactions_total{database=\"a\\\"b\"} 0\n"
          "# TYPE moddb_replica_partial_transactions_total counter\n"
          "moddb_replica_partial_transactions_total{database=\"a\\\"b\"} 0\n"
          "# TYPE moddb_replica_snapshots_total counter\n"
          "moddb_replica_snapshots_total{database=\"a\\\"b\",reason=\"compacted\"} 2\n"
          "moddb_replica_snapshots_total{database=\"a\\\"b\",reason=\"first\"} 1\n"
          "# TYPE moddb_replica_refused_total counter\n"
          "moddb_replica_refused_total{database=\"a\\\"b\"} 1\n"
          "# TYPE moddb_replica_audits_total counter\n"
          "moddb_replica_audits_total{database=\"a\\\"b\"} 0\n"
          "# TYPE moddb_replica_audit_differences_total counter\n"
          "moddb_replica_audit_differences_total{database=\"a\\\"b\"} 0\n"
          "# TYPE moddb_replica_overtaken_notifications_total counter\n"
          "moddb_replica_overtaken_notifications_total{database=\"a\\\"b\"} 0\n");
}

TEST_CASE("a damaged report gives no wrong lines")
{
    const Position position{{1, 11, 2}, false, "p", false};
    const std::string least = metrics_of("d", false, position, "");
    CHECK(least.find("moddb_replica_fresh{database=\"d\"} 0\n") != std::string::npos);
    CHECK(least.find("moddb_replica_whole{database=\"d\"} 0\n") != std::string::npos);
    for (const char *report : {"\n\n", "connections", "connections x\n", "connections 1 2\n",
                               "unknown 5\n", "audits\n", "transactions -1"})
        CHECK(metrics_of("d", false, position, report) == least);
}
