// SPDX-License-Identifier: MIT
//
// A C program that does nothing but open the database.

#include <moddb/moddb.h>

int main(void)
{
	struct moddb *db;

	if (moddb_open("default", NULL, &db))
		return 1;
	moddb_close(db);
	return 0;
}
