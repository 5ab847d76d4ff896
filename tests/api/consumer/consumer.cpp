// SPDX-License-Identifier: MIT
//
// A foreign program in C++17. It only has to compile, link and start: without the module, opening
// throws; with it, a value is written and read.
#include <moddb/moddb.hpp>

#include <cstdio>

int main()
{
    try {
        moddb::Database database;
        database.set("consumer", "value");
        if (database.get("consumer") != "value")
            return 1;
        std::puts("read");
        return 0;
    } catch (const moddb::Error &error) {
        std::printf("%s\n", error.text().c_str());
        return error.code() == std::errc::no_such_device ? 0 : 1;
    }
}
