/* SPDX-License-Identifier: MIT */
/*
 * A program of a user of the library, in C99. It only has to compile, link and start: without the
 * module opening fails with a message; with it, a value is written and read.
 */
#include <moddb/moddb.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct moddb_handle *db;
    struct moddb_write_options options = MODDB_INIT(options);
    char value[8];
    size_t length = sizeof(value);
    int result;

    if (strcmp(moddb_version(), MODDB_VERSION) != 0)
        return 1;
    result = moddb_open(NULL, NULL, &db);
    if (result < 0) {
        printf("%s\n", moddb_error_text(NULL));
        return result == -ENODEV ? 0 : 1;
    }
    options.ttl_ms = 60000;
    result = moddb_set(db, "consumer", 8, "value", 5, &options, NULL);
    if (result == 0)
        result = moddb_get(db, "consumer", 8, value, &length, NULL);
    printf("%s\n", result < 0 ? moddb_error_text(db) : "read");
    moddb_close(db);
    return result == 0 && length == 5 ? 0 : 1;
}
