// SPDX-License-Identifier: MIT
//
// The calls over gRPC. Each waits on a completion queue of its own, so that one thread can wait for
// everything with a time limit.

#include "etcd/connection.hpp"

#include "stop.hpp"

#include "etcd.grpc.pb.h"

#include <algorithm>
#include <fstream>
#include <grpcpp/grpcpp.h>
#include <iterator>
#include <utility>

namespace replica {

namespace {

using Kind = SourceError::Kind;

// The longest message: snapshots use pages that fit, and etcd divides the messages of a watch into
// fragments of some 2 MiB.
constexpr int max_message = 16 << 20;

// etcd disconnects a client that sends pings more often than every 5 s.
constexpr int keepalive_ms = 10000;
constexpr int keepalive_timeout_ms = 5000;

gpr_timespec after(BootClock::duration time)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_nanos(time.count(), GPR_TIMESPAN));
}

SourceError error_of(const grpc::Status &status)
{
    const std::string &text = status.error_message();
    Kind kind = Kind::unavailable;
    switch (status.error_code()) {
    case grpc::StatusCode::OUT_OF_RANGE:
        // The code also stands for a future revision.
        kind = text.find("compacted") != std::string::npos ? Kind::compacted : Kind::unavailable;
        break;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
        // The code also stands for an overloaded server.
        kind = text.find("message larger than max") != std::string::npos ? Kind::too_long
                                                                         : Kind::unavailable;
        break;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::INVALID_ARGUMENT:
        kind = Kind::denied;
        break;
    default:
        break;
    }
    return SourceError(kind, text.empty() ? "the connection was closed" : text);
}

std::string contents(const std::string &file)
{
    std::ifstream stream(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (!stream || text.empty())
        throw SourceError(Kind::denied, "cannot read " + file);
    return text;
}

std::string first_line(const std::string &file)
{
    std::string text = contents(file);
    text.erase(std::min(text.find_first_of("\r\n"), text.size()));
    return text;
}

std::shared_ptr<grpc::ChannelCredentials> credentials_of(const Access &access)
{
    if (access.ca.empty())
        return grpc::InsecureChannelCredentials();
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = contents(access.ca);
    if (!access.certificate.empty()) {
        options.pem_cert_chain = contents(access.certificate);
        options.pem_private_key = contents(access.key);
    }
    return grpc::SslCredentials(options);
}

std::shared_ptr<grpc::Channel> channel_of(const Access &access, const std::string &endpoint)
{
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(max_message);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keepalive_timeout_ms);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    // A new channel makes a new connection, with the current certificates.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(endpoint, credentials_of(access), arguments);
}

Header header_of(const etcdserverpb::ResponseHeader &raw)
{
    return {raw.cluster_id(), raw.revision(), raw.raft_term()};
}

KeyValue entry_of(etcdserverpb::KeyValue &raw)
{
    return {std::move(*raw.mutable_key()), std::move(*raw.mutable_value()), raw.mod_revision()};
}

WatchMessage message_of(etcdserverpb::WatchResponse &raw)
{
    WatchMessage message;
    message.header = header_of(raw.header());
    message.created = raw.created();
    message.canceled = raw.canceled();
    message.compact_revision = raw.compact_revision();
    message.reason = raw.cancel_reason();
    message.fragment = raw.fragment();
    message.events.reserve(static_cast<std::size_t>(raw.events_size()));
    for (etcdserverpb::Event &event : *raw.mutable_events())
        message.events.push_back(
            {event.type() == etcdserverpb::Event::DELETE, entry_of(*event.mutable_kv())});
    return message;
}

// Waits for the next tag; false if there is none before the time. Throws nothing.
bool wait(grpc::CompletionQueue &queue, Time until, void *&tag, bool &ok)
{
    const auto left =
        std::clamp<BootClock::duration>(until - BootClock::now(), Milliseconds(0), look_interval);
    return queue.AsyncNext(&tag, &ok, after(left)) == grpc::CompletionQueue::GOT_EVENT;
}

// Shuts down a queue all of whose operations end soon.
void drain(grpc::CompletionQueue &queue)
{
    void *tag;
    bool ok;
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
}

// One request, one response. `prepare` makes the call; the context has the deadline and the token.
template <typename Response, typename Prepare>
Response call(const std::string &token, Milliseconds timeout, const Prepare &prepare)
{
    grpc::ClientContext context;
    context.set_deadline(after(timeout));
    if (!token.empty())
        context.AddMetadata("token", token);
    grpc::CompletionQueue queue;
    Response response;
    grpc::Status status;
    auto reader = prepare(&context, &queue);
    reader->StartCall();
    reader->Finish(&response, &status, nullptr);
    void *tag;
    bool ok;
    while (!wait(queue, Time::max(), tag, ok)) {
        if (stop_requested())
            context.TryCancel();
    }
    drain(queue);
    if (stop_requested())
        throw Stopped();
    if (!status.ok())
        throw error_of(status);
    return response;
}

} // namespace

struct Watch::Stream {
    enum : std::uintptr_t { started, written, received, finished };

    std::unique_ptr<etcdserverpb::Watch::Stub> stub;
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    std::unique_ptr<
        grpc::ClientAsyncReaderWriter<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse>>
        call;
    etcdserverpb::WatchResponse response;
    grpc::Status status;
    bool writing = false;
    bool reading = false;
    bool progress_wanted = false;
    bool finishing = false;

    static void *tag(std::uintptr_t value) { return reinterpret_cast<void *>(value); }

    ~Stream()
    {
        context.TryCancel();
        if (call && !finishing)
            call->Finish(&status, tag(finished));
        drain(queue);
    }

    void start(Milliseconds timeout)
    {
        // A member that has lost its leader ends the watch.
        context.AddMetadata("hasleader", "true");
        call = stub->PrepareAsyncWatch(&context, &queue);
        call->StartCall(tag(started));
        if (await(BootClock::now() + timeout) != started)
            throw SourceError(Kind::unavailable, "the watch does not start");
    }

    void write(const etcdserverpb::WatchRequest &request)
    {
        writing = true;
        call->Write(request, tag(written));
    }

    // Returns the next finished operation, or nothing if none finishes before the time. Throws
    // SourceError if the stream has ended.
    std::optional<std::uintptr_t> await(Time until)
    {
        void *which;
        bool ok;
        while (!wait(queue, until, which, ok)) {
            if (stop_requested())
                throw Stopped();
            if (BootClock::now() >= until)
                return std::nullopt;
        }
        if (!ok)
            fail();
        return reinterpret_cast<std::uintptr_t>(which);
    }

    [[noreturn]] void fail()
    {
        void *which;
        bool ok;
        context.TryCancel();
        finishing = true;
        call->Finish(&status, tag(finished));
        do
            (void)queue.Next(&which, &ok);
        while (which != tag(finished));
        throw error_of(status);
    }
};

Watch::Watch(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

Watch::~Watch() = default;

std::optional<WatchMessage> Watch::next(Time until)
{
    Stream &stream = *stream_;
    for (;;) {
        if (!stream.reading) {
            stream.reading = true;
            stream.call->Read(&stream.response, Stream::tag(Stream::received));
        }
        if (stream.progress_wanted && !stream.writing) {
            etcdserverpb::WatchRequest request;
            request.mutable_progress_request();
            stream.progress_wanted = false;
            stream.write(request);
        }
        const std::optional<std::uintptr_t> what = stream.await(until);
        if (!what)
            return std::nullopt;
        if (*what == Stream::written)
            stream.writing = false;
        if (*what == Stream::received) {
            stream.reading = false;
            return message_of(stream.response);
        }
    }
}

void Watch::request_progress()
{
    stream_->progress_wanted = true;
}

struct Connection::Channel {
    Milliseconds timeout;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<etcdserverpb::KV::Stub> kv;
    std::string token;
};

Connection::Connection(const Access &access, const std::string &endpoint)
    : channel_(std::make_unique<Channel>())
{
    Channel &channel = *channel_;
    channel.timeout = access.timeout;
    channel.channel = channel_of(access, endpoint);
    channel.kv = etcdserverpb::KV::NewStub(channel.channel);
    if (access.user.empty())
        return;
    const auto stub = etcdserverpb::Auth::NewStub(channel.channel);
    etcdserverpb::AuthenticateRequest request;
    request.set_name(access.user);
    request.set_password(first_line(access.password_file));
    channel.token = call<etcdserverpb::AuthenticateResponse>(
                        {}, access.timeout,
                        [&](grpc::ClientContext *context, grpc::CompletionQueue *queue) {
                            return stub->PrepareAsyncAuthenticate(context, request, queue);
                        })
                        .token();
}

Connection::~Connection() = default;

Header Connection::header(const std::string &key, std::int64_t revision, Milliseconds timeout)
{
    etcdserverpb::RangeRequest request;
    request.set_key(key);
    request.set_revision(revision);
    request.set_count_only(true);
    return header_of(call<etcdserverpb::RangeResponse>(
                         channel_->token, timeout,
                         [&](grpc::ClientContext *context, grpc::CompletionQueue *queue) {
                             return channel_->kv->PrepareAsyncRange(context, request, queue);
                         })
                         .header());
}

Page Connection::range(const KeyRange &range, std::int64_t limit, std::int64_t revision)
{
    etcdserverpb::RangeRequest request;
    request.set_key(range.begin);
    request.set_range_end(range.end);
    request.set_limit(limit);
    request.set_revision(revision);
    auto response = call<etcdserverpb::RangeResponse>(
        channel_->token, channel_->timeout,
        [&](grpc::ClientContext *context, grpc::CompletionQueue *queue) {
            return channel_->kv->PrepareAsyncRange(context, request, queue);
        });
    Page page;
    page.header = header_of(response.header());
    page.more = response.more();
    page.entries.reserve(static_cast<std::size_t>(response.kvs_size()));
    for (etcdserverpb::KeyValue &entry : *response.mutable_kvs())
        page.entries.push_back(entry_of(entry));
    return page;
}

WriteResult Connection::write(const WriteRequest &request)
{
    etcdserverpb::TxnRequest txn;
    for (const RevisionCheck &check : request.checks) {
        etcdserverpb::Compare &compare = *txn.add_compare();
        compare.set_target(etcdserverpb::Compare::MOD);
        compare.set_key(check.key);
        compare.set_mod_revision(check.revision);
    }
    for (const KeyWrite &write : request.writes) {
        etcdserverpb::RequestOp &operation = *txn.add_success();
        if (write.value) {
            operation.mutable_request_put()->set_key(write.key);
            operation.mutable_request_put()->set_value(*write.value);
        } else {
            operation.mutable_request_delete_range()->set_key(write.key);
        }
    }
    const auto response = call<etcdserverpb::TxnResponse>(
        channel_->token, channel_->timeout,
        [&](grpc::ClientContext *context, grpc::CompletionQueue *queue) {
            return channel_->kv->PrepareAsyncTxn(context, txn, queue);
        });
    return {response.succeeded(), response.header().revision()};
}

Watch Connection::watch(const KeyRange &range, std::int64_t from)
{
    auto stream = std::make_unique<Watch::Stream>();
    stream->stub = etcdserverpb::Watch::NewStub(channel_->channel);
    if (!channel_->token.empty())
        stream->context.AddMetadata("token", channel_->token);
    stream->start(channel_->timeout);
    etcdserverpb::WatchRequest request;
    etcdserverpb::WatchCreateRequest &create = *request.mutable_create_request();
    create.set_key(range.begin);
    create.set_range_end(range.end);
    create.set_start_revision(from);
    create.set_fragment(true);
    stream->write(request);
    return Watch(std::move(stream));
}

} // namespace replica
