/* SPDX-License-Identifier: MIT */
/*
 * A program in C as a user would write it, compiled against the installed packages with pkg-config
 * and with CMake. It must use nothing that moddb.h does not promise.
 */
#include <moddb/moddb.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    struct moddb_handle *db;
    char value[64];
    size_t length = sizeof(value);
    int status = moddb_open(NULL, NULL, &db);

    if (status < 0) {
        fprintf(stderr, "open: %s\n", moddb_error_text(NULL));
        return 1;
    }
    status = moddb_set(db, "consumer", 8, "C", 1, NULL, NULL);
    if (status == 0)
        status = moddb_get(db, "consumer", 8, value, &length, NULL);
    if (status < 0)
        fprintf(stderr, "%s\n", moddb_error_text(db));
    else if (length != 1 || memcmp(value, "C", 1) != 0)
        status = -1;
    moddb_close(db);
    return status == 0 ? 0 : 1;
}
