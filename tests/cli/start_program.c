// SPDX-License-Identifier: MIT
//
// A C program that does nothing but open the database.

#include <moddb/moddb.h>

int main(void)
{
    struct moddb_handle *handle;

    if (moddb_open("default", NULL, &handle))
        return 1;
    moddb_close(handle);
    return 0;
}
