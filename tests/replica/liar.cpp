// SPDX-License-Identifier: MIT
//
// A server that violates etcd's protocol, which the agent must survive. It has ten keys below /app/
// at revision 10, answers reads of them, and then violates the protocol in the way that its
// argument names. It prints a line for each watch that a client creates.

#include "etcd.grpc.pb.h"

#include <cstdio>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <string>
#include <string_view>

namespace {

namespace pb = etcdserverpb;

constexpr std::int64_t revision = 10;
constexpr std::uint64_t cluster = 7;
constexpr int count = 10;
const std::string prefix = "/app/";

std::string_view mode;

template <typename Message>
void set_header(Message &message, std::int64_t at = revision)
{
    message.mutable_header()->set_cluster_id(cluster);
    message.mutable_header()->set_revision(at);
    message.mutable_header()->set_raft_term(1);
}

void set_entry(pb::KeyValue &entry, const std::string &key, const std::string &value,
               std::int64_t at)
{
    entry.set_key(key);
    entry.set_value(value);
    entry.set_mod_revision(at);
}

void add_event(pb::WatchResponse &response, const std::string &key, const std::string &value,
               std::int64_t at)
{
    set_entry(*response.add_events()->mutable_kv(), prefix + key, value, at);
}

class Keys final : public pb::KV::Service {
    grpc::Status Range(grpc::ServerContext *, const pb::RangeRequest *request,
                       pb::RangeResponse *response) override
    {
        set_header(*response);
        if (request->count_only())
            return grpc::Status::OK;
        if (mode == "empty-snapshot")
            return grpc::Status::OK;
        if (mode == "endless-snapshot") {
            // The agent requests the keys behind the last one.
            for (int i = 0; i < 100; ++i)
                set_entry(*response->add_kvs(), request->key() + 'a' + std::to_string(100 + i),
                          std::string(10000, 'v'), 1);
            response->set_more(true);
            return grpc::Status::OK;
        }
        if (mode == "empty-pages") {
            response->set_more(true);
            return grpc::Status::OK;
        }
        for (int i = 0; i < count; ++i) {
            const std::string key =
                prefix + std::to_string(mode == "unordered-snapshot" ? count - i : i);
            if (key >= request->key())
                set_entry(*response->add_kvs(), key, "v",
                          mode == "future-snapshot" ? revision + 1 : 1);
        }
        if (mode == "foreign-snapshot")
            set_entry(*response->add_kvs(), "/other", "v", 1);
        return grpc::Status::OK;
    }
};

class Watches final : public pb::Watch::Service {
    using Stream = grpc::ServerReaderWriter<pb::WatchResponse, pb::WatchRequest>;

    static void lie(Stream &stream)
    {
        pb::WatchResponse response;
        set_header(response, revision + 1);
        if (mode == "repeats" || mode == "goes-back") {
            add_event(response, "0", "new", revision + 1);
            stream.Write(response);
            response.clear_events();
            add_event(response, "0", "lie", mode == "repeats" ? revision + 1 : revision);
        } else if (mode == "foreign-event") {
            set_entry(*response.add_events()->mutable_kv(), "/other", "lie", revision + 1);
        } else if (mode == "old-event") {
            add_event(response, "0", "lie", 3);
        } else if (mode == "no-revision") {
            add_event(response, "0", "lie", 0);
        } else if (mode == "negative-revision") {
            add_event(response, "0", "lie", -5);
        } else if (mode == "other-cluster") {
            response.mutable_header()->set_cluster_id(cluster + 1);
            add_event(response, "0", "lie", revision + 1);
        } else if (mode == "cut-fragment") {
            response.set_fragment(true);
            add_event(response, "0", "lie", revision + 1);
            stream.Write(response);
            return;
        } else if (mode == "endless-fragments") {
            response.set_fragment(true);
            for (int i = 0; i < 200; ++i)
                add_event(response, std::to_string(i), std::string(10000, 'l'), revision + 1);
            while (stream.Write(response)) {
            }
            return;
        } else if (mode == "too-long") {
            add_event(response, "0", std::string(20 << 20, 'l'), revision + 1);
        } else if (mode == "canceled") {
            response.set_canceled(true);
            response.set_cancel_reason("lie\x1b[2J");
        } else if (mode == "compacted") {
            response.set_canceled(true);
            response.set_compact_revision(revision + 5);
        } else if (mode == "own-key") {
            add_event(response, std::string("\0replica/fresh", 14), "lie", revision + 1);
        } else {
            return;
        }
        stream.Write(response);
    }

    grpc::Status Watch(grpc::ServerContext *, Stream *stream) override
    {
        pb::WatchRequest request;
        if (!stream->Read(&request))
            return grpc::Status::OK;
        std::printf("watch from %lld\n",
                    static_cast<long long>(request.create_request().start_revision()));
        std::fflush(stdout);
        pb::WatchResponse response;
        set_header(response);
        response.set_created(true);
        stream->Write(response);
        lie(*stream);
        if (mode == "cut-fragment")
            return grpc::Status::OK;
        // In mode "silent" it answers no progress request.
        while (stream->Read(&request)) {
            if (mode == "silent" || !request.has_progress_request())
                continue;
            response.set_created(false);
            set_header(response, mode == "lags" ? revision - 1 : revision);
            stream->Write(response);
        }
        return grpc::Status::OK;
    }
};

} // namespace

int main(int words, char **arguments)
{
    if (words != 3) {
        std::fprintf(stderr, "usage: liar ADDRESS LIE\n");
        return 2;
    }
    mode = arguments[2];
    Keys keys;
    Watches watches;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(arguments[1], grpc::InsecureServerCredentials());
    builder.SetMaxSendMessageSize(-1);
    builder.RegisterService(&keys);
    builder.RegisterService(&watches);
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server)
        return 1;
    std::printf("listening\n");
    std::fflush(stdout);
    server->Wait();
    return 0;
}
