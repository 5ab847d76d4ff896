// SPDX-License-Identifier: MIT
//
// A program in C++17 as a user would write it, compiled against the installed packages with
// pkg-config and with CMake. It must use nothing that moddb.hpp does not promise.

#include <moddb/moddb.hpp>

#include <cstdio>
#include <optional>
#include <string>

int main()
{
    try {
        moddb::Database db;
        db.set("consumer++", "C++");
        const std::optional<std::string> value = db.get("consumer++");
        return value == "C++" ? 0 : 1;
    } catch (const moddb::Error &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
