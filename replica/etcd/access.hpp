// SPDX-License-Identifier: MIT
//
// The addresses of a cluster, and the credentials for it.

#ifndef MODDB_REPLICA_ETCD_ACCESS_HPP
#define MODDB_REPLICA_ETCD_ACCESS_HPP

#include "clock.hpp"

#include <string>
#include <vector>

namespace replica {

struct Access {
    std::vector<std::string> endpoints; // HOST:PORT
    std::string ca;                     // files; empty: without TLS
    std::string certificate;
    std::string key;
    std::string user; // empty: without a password
    std::string password_file;
    Milliseconds timeout{5000}; // of a request
};

} // namespace replica

#endif
