// SPDX-License-Identifier: GPL-2.0-only
/*
 * Initialization and exit of the module, nothing else.
 */
#include <linux/module.h>
#include <net/genetlink.h>

#include "database.h"
#include "device.h"
#include "entry.h"
#include "netlink_gen.h"
#include "netlink_session.h"
#include "netlink_watch.h"
#include "quota.h"
#include "reclaim.h"
#include "store.h"
#include "window.h"
#include "worker.h"

static int __init moddb_init(void)
{
	int err;

	err = moddb_quota_init();
	if (err)
		return err;
	err = moddb_worker_init();
	if (err)
		goto err_quota;
	moddb_reclaim_init();
	err = moddb_window_init();
	if (err)
		goto err_reclaim;
	err = moddb_netlink_watches_init();
	if (err)
		goto err_window;
	err = moddb_store_init();
	if (err)
		goto err_watches;
	err = moddb_database_init();
	if (err)
		goto err_store;
	err = moddb_netlink_sessions_init();
	if (err)
		goto err_database;
	err = genl_register_family(&moddb_nl_family);
	if (err)
		goto err_sessions;
	err = moddb_device_init();
	if (err)
		goto err_family;
	return 0;

err_family:
	genl_unregister_family(&moddb_nl_family);
err_sessions:
	moddb_netlink_sessions_exit();
err_database:
	moddb_database_exit();
err_store:
	moddb_store_exit();
err_watches:
	moddb_netlink_watches_exit();
err_window:
	moddb_window_exit();
err_reclaim:
	moddb_worker_exit();
	moddb_reclaim_exit();
	moddb_entry_exit();
err_quota:
	moddb_quota_exit();
	return err;
}

static void __exit moddb_exit(void)
{
	moddb_device_exit();
	genl_unregister_family(&moddb_nl_family);
	moddb_netlink_sessions_exit();
	moddb_database_exit();
	moddb_netlink_watches_exit();
	moddb_store_exit();
	moddb_window_exit();
	moddb_quota_exit();
	moddb_worker_exit();
	moddb_reclaim_exit();
	moddb_entry_exit();
}

module_init(moddb_init);
module_exit(moddb_exit);

MODULE_DESCRIPTION("Key-value store shared by all processes of the machine");
MODULE_AUTHOR("The moddb authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_GENL_FAMILY(MODDB_FAMILY_NAME);
