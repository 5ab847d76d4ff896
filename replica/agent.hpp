// SPDX-License-Identifier: MIT
//
// Keeps the copy equal to the source, across connections. Nothing that etcd sends and nothing that
// moddb refuses may end the agent.

#ifndef MODDB_REPLICA_AGENT_HPP
#define MODDB_REPLICA_AGENT_HPP

#include "backoff.hpp"
#include "configuration.hpp"
#include "copy.hpp"
#include "etcd/connection.hpp"
#include "mapping.hpp"
#include "proof.hpp"
#include "report.hpp"
#include "revisions.hpp"

#include <optional>
#include <string>
#include <vector>

namespace replica {

class Agent {
  public:
    explicit Agent(const Configuration &configuration);

    // Runs until a stop is requested. Throws Failure if an administrator has to act.
    void run();

  private:
    Configuration configuration_;
    KeyRange range_;
    Mapping mapping_;
    Copy copy_;
    Report report_;
    std::string published_;
    Backoff backoff_;
    std::size_t endpoint_ = 0;
    bool ready_ = false;

    const std::string &endpoint() const { return configuration_.access.endpoints[endpoint_]; }
    void next_endpoint();
    void attempt();
    void session();
    std::string reason_for_snapshot(const Header &header) const;
    bool take_snapshot(Connection &connection, const std::string &reason);
    void hold(const Difference &difference);
    std::string follow(Connection &connection);
    bool audit(Connection &connection);
    void apply(std::vector<Transaction> transactions, const Header &header, bool first);
    void commit(const Transaction &transaction, const Header &header, bool first);
    void renew(const Proven &proven);
    void degrade(const moddb::Error &error);
    void set_state(Report::State state, const std::string &reason = {});
    void publish();
    void notify_ready();
};

} // namespace replica

#endif
