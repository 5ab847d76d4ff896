/* SPDX-License-Identifier: MIT */
/*
 * A client of the family as others build it: with the functions that the kernel's generator makes
 * from moddb.yaml, and its library, and without libmoddb. It fails where the description and the
 * module differ.
 */
#include "moddb-user.h"
#include "ynl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ynl_sock *sock;

#define CHECK(holds)                                                                               \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            fprintf(stderr, "client.c:%d: %s: %s\n", __LINE__, #holds, sock ? sock->err.msg : ""); \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static void check_info(void)
{
    struct moddb_info_rsp *info = moddb_info(sock);

    CHECK(info && info->_present.txn_max && info->txn_max == MODDB_TXN_MAX);
    CHECK(info->key_max == MODDB_KEY_MAX && info->_len.version > 0);
    moddb_info_rsp_free(info);
}

static __u64 set(const char *key, const char *value, __u32 tag)
{
    struct moddb_set_req *request = moddb_set_req_alloc();
    struct moddb_set_rsp *reply;
    __u64 version;

    moddb_set_req_set_key(request, key, strlen(key));
    moddb_set_req_set_value(request, value, strlen(value));
    if (tag)
        moddb_set_req_set_tag(request, tag);
    reply = moddb_set(sock, request);
    CHECK(reply && reply->_present.version && !reply->_present.status);
    version = reply->version;
    moddb_set_rsp_free(reply);
    moddb_set_req_free(request);
    return version;
}

static struct moddb_get_rsp *get(const char *key)
{
    struct moddb_get_req *request = moddb_get_req_alloc();
    struct moddb_get_rsp *reply;

    moddb_get_req_set_key(request, key, strlen(key));
    moddb_get_req_set_want_meta(request);
    reply = moddb_get(sock, request);
    moddb_get_req_free(request);
    return reply;
}

static void check_entries(void)
{
    const __u64 version = set("one", "first", 7);
    struct moddb_get_rsp *found = get("one");

    CHECK(found && found->_len.value == 5 && !memcmp(found->value, "first", 5));
    CHECK(found->version == version && found->_present.tag && found->tag == 7);
    moddb_get_rsp_free(found);

    /* What is refused comes with the kernel's words. */
    CHECK(!get("missing"));
    CHECK(strstr(sock->err.msg, "there is no such key"));
}

static void check_batch(void)
{
    struct moddb_batch_req *request = moddb_batch_req_alloc();
    struct moddb_op *operations = calloc(3, sizeof(*operations));
    struct moddb_batch_rsp *reply;

    moddb_op_set_key(&operations[0], "two", 3);
    moddb_op_set_value(&operations[0], "second", 6);
    moddb_op_set_code(&operations[1], MODDB_OP_CODE_INCR);
    moddb_op_set_key(&operations[1], "three", 5);
    moddb_op_set_delta(&operations[1], 42);
    moddb_op_set_key(&operations[2], "two", 3);
    __moddb_batch_req_set_op(request, operations, 3);
    reply = moddb_batch(sock, request);
    CHECK(reply && reply->_count.result == 3);
    CHECK(reply->result[0]._present.version && !reply->result[0]._present.status);
    CHECK(reply->result[1].number == 42);
    CHECK(reply->result[2]._len.value == 6 && !memcmp(reply->result[2].value, "second", 6));
    moddb_batch_rsp_free(reply);
    moddb_batch_req_free(request);
}

static void check_listing(void)
{
    struct moddb_list_req *request = moddb_list_req_alloc();
    struct moddb_list_list *list;
    unsigned int count = 0, revisions = 0;

    moddb_list_req_set_prefix(request, "t", 1);
    moddb_list_req_set_want_value(request);
    list = moddb_list_dump(sock, request);
    CHECK(list && !ynl_dump_empty(list));
    ynl_dump_foreach(list, entry)
    {
        revisions += entry->_present.revision && entry->_present.generation;
        count += entry->_len.key > 0;
    }
    CHECK(revisions == 1);
    CHECK(count == 2);
    moddb_list_list_free(list);
    moddb_list_req_free(request);
}

static void check_databases(void)
{
    struct moddb_db_list_list *list = moddb_db_list_dump(sock);
    unsigned int found = 0;

    CHECK(list);
    ynl_dump_foreach(list, database) found += !strcmp(database->name, "default");
    CHECK(found == 1);
    moddb_db_list_list_free(list);
}

static void check_watch(void)
{
    struct moddb_watch_req *request = moddb_watch_req_alloc();
    struct moddb_pattern *pattern;
    struct moddb_watch_rsp *reply;
    struct moddb_event *event;
    const char *key = "watched";

    pattern = moddb_pattern_alloc(2);
    moddb_pattern_set_key(&pattern[0], key, strlen(key));
    moddb_pattern_set_prefix(&pattern[1], "other", 5);
    __moddb_watch_req_set_pattern(request, pattern, 2);
    reply = moddb_watch(sock, request);
    CHECK(reply && reply->_present.watch_id);
    moddb_watch_rsp_free(reply);
    moddb_watch_req_free(request);
    set(key, "changed", 0);
    /* Events come by themselves; each look waits until there is something. */
    while (!ynl_has_ntf(sock))
        CHECK(ynl_ntf_check(sock) == 0);
    event = (struct moddb_event *)ynl_ntf_dequeue(sock);
    CHECK(event->cmd == MODDB_CMD_EVENT && event->obj.kind == MODDB_EVENT_KIND_SET);
    CHECK(event->obj._len.key == strlen(key) && event->obj._len.value == 7);
    moddb_event_free(event);
}

int main(void)
{
    struct ynl_error error;

    sock = ynl_sock_create(&ynl_moddb_family, &error);
    if (!sock) {
        fprintf(stderr, "client.c: %s\n", error.msg);
        return 1;
    }
    check_info();
    check_entries();
    check_batch();
    check_listing();
    check_databases();
    check_watch();
    ynl_sock_destroy(sock);
    printf("info, set, get, batch, list, db-list and watch do what moddb.yaml says\n");
    return 0;
}
