// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/moddb: an open file is a session, bound to one database; through it the
 * database's window is mapped. A file must never have more rights than its
 * opener and the process that bound it both have at that moment, whichever
 * process uses the file.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>
#include <moddb/window.h>

#include "device.h"
#include "device_call.h"
#include "device_list.h"
#include "device_watch.h"
#include "info.h"

/* The rights of @wanted that the file's open mode allows. */
static unsigned int rights_of(const struct file *file, unsigned int wanted)
{
	unsigned int may = wanted;

	if (!(file->f_mode & FMODE_READ))
		may &= ~MODDB_MAY_READ;
	if (!(file->f_mode & FMODE_WRITE))
		may &= ~MODDB_MAY_WRITE;
	return may;
}

static void unbind(struct moddb_file *mine)
{
	if (mine->session)
		moddb_session_close(mine->session);
	moddb_user_put(mine->user);
	put_cred(mine->grant.user);
	mine->session = NULL;
	mine->user = NULL;
	mine->grant.user = NULL;
}

static int bind_to(const struct file *file, struct moddb_database *db,
		   struct moddb_device_bind *in, struct moddb_call *call)
{
	struct moddb_file *mine = file->private_data;
	unsigned int lacks;
	u32 missing;
	int err;

	mine->grant.user = get_current_cred();
	mine->grant.opener = file->f_cred;
	moddb_access_grant(&db->access, &mine->grant,
			   rights_of(file, in->rights));
	mine->bound = mine->grant.may;
	missing = in->required & ~mine->bound;
	if (!mine->bound || missing) {
		/* Asking for optional rights is no refused attempt. */
		if (missing)
			moddb_stat_inc(db->stats, MODDB_STAT_REFUSALS);
		if (missing & MODDB_MAY_WRITE || !(in->rights & MODDB_MAY_READ))
			lacks = MODDB_MAY_WRITE;
		else
			lacks = MODDB_MAY_READ;
		return moddb_call_refuse(call, -EACCES,
					 moddb_rights_message(lacks));
	}
	mine->user = moddb_user_get(current_euid(), current_user_ns());
	if (!mine->user)
		return moddb_call_refuse(call, -ENOMEM, NULL);
	mine->session = moddb_session_new(mine->user, mine);
	if (IS_ERR(mine->session)) {
		err = PTR_ERR(mine->session);
		mine->session = NULL;
		return moddb_call_refuse(call, err, err == -EDQUOT ?
					 moddb_limit_text(MODDB_LIMIT_USER_BYTES) :
					 NULL);
	}
	in->rights = mine->bound;
	in->max_value = moddb_store_max_value();
	in->revision = atomic64_read(&db->revision);
	return 0;
}

static int bind_locked(const struct file *file, struct moddb_device_bind *in,
		       void __user *user, size_t size, struct moddb_call *call)
{
	const u32 all = MODDB_MAY_READ | MODDB_MAY_WRITE;
	struct moddb_file *mine = file->private_data;
	struct moddb_database *db;
	int err;

	if (mine->db)
		return moddb_call_refuse(call, -EISCONN,
					 "the file is bound already");
	if (strnlen(in->database, sizeof(in->database)) ==
	    sizeof(in->database))
		return moddb_call_refuse(call, -EINVAL,
					 "the database's name is not terminated");
	if (in->flags | in->reserved)
		return moddb_call_refuse(call, -EINVAL,
					 "unknown flags, or a reserved field is not 0");
	if (!in->rights || in->rights & ~all)
		return moddb_call_refuse(call, -EINVAL,
					 "rights are read, write or both");
	if (in->required & ~in->rights)
		return moddb_call_refuse(call, -EINVAL,
					 "a required right is not among the wanted ones");
	db = moddb_database_find(mine->net,
				 in->database[0] ? in->database : NULL);
	if (!db)
		return moddb_call_refuse(call, -ENXIO,
					 "there is no database of that name");
	err = bind_to(file, db, in, call);
	if (!err && copy_to_user(user, in, min(size, sizeof(*in))))
		err = moddb_call_refuse_answer(call);
	if (err) {
		unbind(mine);
		moddb_database_put(db);
		return err;
	}
	/* A reader that sees the pointer sees the initialized database. */
	smp_store_release(&mine->db, db);
	return 0;
}

static int bind(const struct file *file, void __user *user, size_t size)
{
	struct moddb_file *mine = file->private_data;
	struct moddb_call call = {};
	struct moddb_device_bind in;
	int err;

	err = moddb_call_copy_in(&in, sizeof(in), user, size);
	if (err)
		return err;
	/*
	 * The lock is held while the reply is written to the caller's memory,
	 * which the caller can delay, so no other call waits for it.
	 */
	if (mutex_trylock(&mine->lock)) {
		err = bind_locked(file, &in, user, size, &call);
		mutex_unlock(&mine->lock);
	} else {
		err = moddb_call_refuse(&call, -EISCONN,
					"another call is binding the file, or has bound it");
	}
	moddb_call_say(&call, in.text, in.text_size);
	return err;
}

/* How far the caller's boot-time clock is ahead of the machine's. */
static s64 boot_offset(void)
{
#ifdef CONFIG_TIME_NS
	return timespec64_to_ns(&current->nsproxy->time_ns->offsets.boottime);
#else
	return 0;
#endif
}

static int window_of(struct moddb_file *mine, struct moddb_call *call,
		     struct moddb_device_window *out)
{
	struct file *window;
	int err;

	if (out->flags)
		return moddb_call_refuse(call, -EINVAL, "unknown flags");
	if (out->layout < MODDB_WINDOW_LAYOUT ||
	    MODDB_WINDOW_INCOMPATIBLE & ~out->incompatible)
		return moddb_call_refuse(call, -EOPNOTSUPP,
					 "the reader does not know the window's layout or features");
	err = moddb_call_need(call, mine, MODDB_MAY_READ);
	if (err)
		return err;
	err = moddb_window_open(call->db, &window);
	if (err == -ESTALE)
		return moddb_call_refuse(call, err,
					 "the database was deleted or replaced");
	if (err == -EDQUOT)
		return moddb_call_refuse(call, err,
					 "a limit of bytes leaves no room for a window");
	if (err)
		return moddb_call_refuse(call, err, NULL);
	out->size = moddb_window_size(window);
	out->offset = moddb_window_offset(window);
	out->boot_offset = boot_offset();
	out->layout = MODDB_WINDOW_LAYOUT;
	out->incompatible = MODDB_WINDOW_INCOMPATIBLE;
	spin_lock(&mine->window_lock);
	swap(mine->window, window);
	spin_unlock(&mine->window_lock);
	if (window)
		fput(window);
	return 0;
}

static int window(struct moddb_file *mine, void __user *user, size_t size)
{
	struct moddb_device_window in;
	struct moddb_call call = {};
	int err;

	err = moddb_call_copy_in(&in, sizeof(in), user, size);
	if (err)
		return err;
	err = window_of(mine, &call, &in);
	if (!err && copy_to_user(user, &in, min(size, sizeof(in))))
		err = -EFAULT;
	moddb_call_say(&call, in.text, in.text_size);
	return err;
}

static int count_lost(struct moddb_file *mine, struct moddb_call *call,
		      struct moddb_device_lost *out)
{
	bool signals = out->flags & MODDB_DEVICE_LOST_EVENT;
	int err;

	if (out->flags & ~MODDB_DEVICE_LOST_EVENT || out->reserved ||
	    (out->event_fd && !signals))
		return moddb_call_refuse(call, -EINVAL,
					 "unknown flags, or a field without its flag is not 0");
	err = moddb_call_find(call, mine);
	if (!err && signals)
		err = moddb_losses_signal(mine->session, out->event_fd);
	if (err == -EBADF || err == -EINVAL)
		return moddb_call_refuse(call, err,
					 "event_fd is not an open eventfd");
	return err ?: moddb_losses_count(mine->session, &out->number);
}

static int lost(struct moddb_file *mine, void __user *user, size_t size)
{
	struct moddb_device_lost in;
	struct moddb_call call = {};
	int err;

	err = moddb_call_copy_in(&in, sizeof(in), user, size);
	if (err)
		return err;
	err = count_lost(mine, &call, &in);
	if (!err && copy_to_user(user, &in, sizeof(in)))
		err = moddb_call_refuse_answer(&call);
	moddb_call_say(&call, in.text, in.text_size);
	return err;
}

/* Fills in as much as the caller's struct has room for. */
static int info(void __user *user, size_t size)
{
	struct moddb_device_info answer;
	size_t known = min(size, sizeof(answer));

	moddb_info(&answer);
	if (copy_to_user(user, &answer, known) ||
	    clear_user(user + known, size - known))
		return -EFAULT;
	return 0;
}

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct moddb_file *mine = file->private_data;
	struct file *window = NULL;
	int err = -EACCES;

	spin_lock(&mine->window_lock);
	if (mine->window)
		window = get_file(mine->window);
	spin_unlock(&mine->window_lock);
	if (!window)
		return -ENXIO;
	if (moddb_file_may_read(mine))
		err = moddb_window_mmap(window, vma);
	fput(window);
	return err;
}

/* A longer struct must be zero beyond what this version knows. */
static int exec(struct moddb_file *mine, void __user *user, size_t size)
{
	size_t known = sizeof(struct moddb_device_exec);
	int is_zero;

	if (size < known)
		return -ENOTTY;
	is_zero = check_zeroed_user(user + known, size - known);
	if (is_zero <= 0)
		return is_zero ?: -E2BIG;
	return moddb_call_exec(mine, user);
}

static long device_ioctl(struct file *file, unsigned int command,
			 unsigned long argument)
{
	void __user *user = (void __user *)argument;
	size_t size = _IOC_SIZE(command);

	if (likely(command == MODDB_IOC_EXEC))
		return moddb_call_exec(file->private_data, user);
	/* The size of a struct depends on the caller's header. */
	switch (command & ~IOCSIZE_MASK) {
	case MODDB_IOC_EXEC & ~IOCSIZE_MASK:
		return exec(file->private_data, user, size);
	case MODDB_IOC_BIND & ~IOCSIZE_MASK:
		return bind(file, user, size);
	case MODDB_IOC_WINDOW & ~IOCSIZE_MASK:
		return window(file->private_data, user, size);
	case MODDB_IOC_INFO & ~IOCSIZE_MASK:
		return info(user, size);
	case MODDB_IOC_WATCH & ~IOCSIZE_MASK:
		return moddb_device_watch(file->private_data, user, size);
	case MODDB_IOC_SYNC & ~IOCSIZE_MASK:
		return moddb_device_sync(file->private_data);
	case MODDB_IOC_LIST & ~IOCSIZE_MASK:
		return moddb_device_list(file->private_data, user, size);
	case MODDB_IOC_DEL_PREFIX & ~IOCSIZE_MASK:
		return moddb_device_del_prefix(file->private_data, user, size);
	case MODDB_IOC_LOST & ~IOCSIZE_MASK:
		return lost(file->private_data, user, size);
	}
	return -ENOTTY;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct moddb_file *mine;

	mine = kzalloc(sizeof(*mine), GFP_KERNEL_ACCOUNT);
	if (!mine)
		return -ENOMEM;
	mine->net = get_net(current->nsproxy->net_ns);
	mutex_init(&mine->lock);
	spin_lock_init(&mine->window_lock);
	file->private_data = mine;
	return nonseekable_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct moddb_file *mine = file->private_data;

	unbind(mine);
	if (mine->window)
		fput(mine->window);
	if (mine->db)
		moddb_database_put(mine->db);
	put_net(mine->net);
	kfree(mine);
	return 0;
}

/* The lines of /proc/PID/fdinfo, which moddb(4) describes. */
static void device_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct moddb_file *mine = file->private_data;
	/* Pairs with the release that binds the file. */
	struct moddb_database *db = smp_load_acquire(&mine->db);
	char name[MODDB_NAME_MAX + 1];
	struct moddb_session *session;
	struct moddb_grant grant;
	u64 window = 0;

	seq_printf(m, "moddb-netns:\t%u\n", mine->net->ns.inum);
	if (!db)
		return;
	moddb_database_name(db, name);
	seq_printf(m, "moddb-database:\t%s%s\n", name,
		   READ_ONCE(db->dead) ? " (deleted)" : "");
	grant = mine->grant;
	moddb_access_grant(&db->access, &grant, mine->bound);
	seq_printf(m, "moddb-rights:\t%c%c\n",
		   grant.may & MODDB_MAY_READ ? 'r' : '-',
		   grant.may & MODDB_MAY_WRITE ? 'w' : '-');
	session = mine->session;
	spin_lock(&session->lock);
	seq_printf(m, "moddb-entries:\t%llu\nmoddb-bytes:\t%llu\n",
		   session->keys, session->bytes);
	spin_unlock(&session->lock);
	spin_lock(&mine->window_lock);
	if (mine->window)
		window = moddb_window_size(mine->window);
	spin_unlock(&mine->window_lock);
	seq_printf(m, "moddb-window:\t%llu\n", window);
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = moddb_device_read,
	.poll = moddb_device_poll,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = device_mmap,
	.show_fdinfo = device_show_fdinfo,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = MODDB_FAMILY_NAME,
	.fops = &device_fops,
	/* Rights belong to the databases and are checked on binding. */
	.mode = 0666,
};

/**
 * moddb_device_init() - register /dev/moddb
 *
 * Return: 0 or a negative errno.
 */
int moddb_device_init(void)
{
	return misc_register(&device);
}

/**
 * moddb_device_exit() - unregister /dev/moddb
 *
 * Context: no file is open, since each holds the module.
 */
void moddb_device_exit(void)
{
	misc_deregister(&device);
}
