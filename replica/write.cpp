// SPDX-License-Identifier: MIT
//
// Sends one request to the first member that has a quorum.

#include "write.hpp"

#include "copy_keys.hpp"
#include "etcd/connection.hpp"
#include "exit_status.hpp"
#include "position.hpp"

#include <moddb/moddb.hpp>

namespace replica {

using cli::ExitStatus;
using cli::Failure;

WriteResult write(const Configuration &configuration, const WriteRequest &request)
{
    std::string failures;
    for (const std::string &endpoint : configuration.access.endpoints) {
        std::optional<Connection> connection;
        try {
            connection.emplace(configuration.access, endpoint);
            (void)connection->header(configuration.prefix, 0, configuration.access.timeout);
        } catch (const SourceError &error) {
            failures += (failures.empty() ? "" : "; ") + endpoint + ": " + error.what();
            continue;
        }
        try {
            return connection->write(request);
        } catch (const SourceError &error) {
            if (error.kind() == SourceError::Kind::denied)
                throw Failure(ExitStatus::permission, endpoint + ": " + error.what());
            throw Failure(ExitStatus::interrupted,
                          endpoint + ": " + error.what() + "; the write may have been done");
        }
    }
    throw Failure(ExitStatus::other, "nothing was written: " + failures);
}

bool wait_for(const std::string &name, std::int64_t revision, Milliseconds time)
{
    const Time end = BootClock::now() + time;
    moddb::Database database(name);
    for (;;) {
        const std::optional<moddb::Value> found = database.get_with_info(std::string(position_key));
        const std::optional<Position> position =
            found ? decode_position(found->value) : std::optional<Position>();
        if (position && position->whole && position->header.revision >= revision)
            return true;
        const Milliseconds left = milliseconds(end - BootClock::now());
        if (left <= Milliseconds(0))
            return false;
        database.wait(position_key, moddb::Until::changed(found ? found->info.version : 0), left);
    }
}

} // namespace replica
