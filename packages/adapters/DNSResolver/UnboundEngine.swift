import CUnbound
import Glibc
import MailPorts
import Synchronization

/// A libunbound context and the thread that collects its answers.
///
/// *Invariants.* libunbound may be called from any thread; callbacks run on the collecting thread only. The context is
/// deleted by that thread after it was told to stop, so no callback outlives it.
final class UnboundEngine: Sendable {
    struct Answer: Sendable {
        var records: [[UInt8]]
        /// Seconds.
        var ttl: Int
        var isAuthentic: Bool
    }

    /// One question under way: answered once, by libunbound or by the clock.
    private final class Lookup: Sendable {
        private let continuation: Mutex<CheckedContinuation<Result<Answer, DNSError>, Never>?>

        init(_ continuation: CheckedContinuation<Result<Answer, DNSError>, Never>) {
            self.continuation = Mutex(continuation)
        }

        func finish(_ result: Result<Answer, DNSError>) {
            let waiting = continuation.withLock { continuation in
                defer { continuation = nil }
                return continuation
            }
            waiting?.resume(returning: result)
        }
    }

    private struct Context: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let context: Context
    /// Closing it tells the thread to stop.
    private let stop: CInt

    init(server: String?) throws(ResolverError) {
        guard let pointer = ub_ctx_create() else {
            throw ResolverError(description: "libunbound has no memory for a context")
        }
        ub_ctx_debuglevel(pointer, 0)
        for (name, value) in [("use-syslog:", "no"), ("do-not-query-localhost:", "no"), ("num-threads:", "1")] {
            _ = ub_ctx_set_option(pointer, name, value)
        }
        // Answers arrive through a descriptor; the work is done in a thread of libunbound's.
        _ = ub_ctx_async(pointer, 1)
        if let server {
            let code = ub_ctx_set_fwd(pointer, server)
            guard code == 0 else {
                ub_ctx_delete(pointer)
                throw ResolverError(description: "\(server) is no DNS server: \(String(cString: ub_strerror(code)))")
            }
            // RFC 6761 §6.2 lets resolvers deny these names by themselves; the server that was named may know them.
            _ = ub_ctx_zone_remove(pointer, "test.")
        } else {
            // Without the file libunbound asks the root servers itself.
            _ = ub_ctx_resolvconf(pointer, nil)
            _ = ub_ctx_hosts(pointer, nil)
        }
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            ub_ctx_delete(pointer)
            throw ResolverError(description: "no pipe for the resolver: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        context = Context(pointer: pointer)
        stop = ends[1]
        Self.collect(context, until: ends[0])
    }

    deinit { close(stop) }

    func resolve(_ name: String, _ type: RecordType, timeout: Duration) async -> Result<Answer, DNSError> {
        let clock = Mutex<Task<Void, Never>?>(nil)
        let result = await withCheckedContinuation { continuation in
            let lookup = Lookup(continuation)
            clock.withLock { clock in
                clock = Task {
                    try? await Task.sleep(for: timeout)
                    if !Task.isCancelled {
                        lookup.finish(.failure(.temporary(reason: "no answer for \(name) in time")))
                    }
                }
            }
            let data = Unmanaged.passRetained(lookup)
            let code = ub_resolve_async(context.pointer, name, type.rawValue, 1, data.toOpaque(), Self.onAnswer, nil)
            guard code != 0 else { return }
            data.release()
            lookup.finish(.failure(.temporary(reason: String(cString: ub_strerror(code)))))
        }
        clock.withLock { $0?.cancel() }
        return result
    }

    private static let onAnswer: ub_callback_type = { data, code, result in
        guard let data else { return }
        let lookup = Unmanaged<Lookup>.fromOpaque(data).takeRetainedValue()
        defer { ub_resolve_free(result) }
        guard code == 0, let result else {
            return lookup.finish(.failure(.temporary(reason: String(cString: ub_strerror(code)))))
        }
        lookup.finish(UnboundEngine.read(result.pointee))
    }

    private static func read(_ result: ub_result) -> Result<Answer, DNSError> {
        if result.bogus != 0 {
            return .failure(.temporary(reason: "DNSSEC: \(result.why_bogus.map { String(cString: $0) } ?? "bogus")"))
        }
        if result.nxdomain != 0 { return .failure(.noSuchName) }
        // RFC 1035 §4.1.1: 0 is no error; the rest is the server's trouble.
        guard result.rcode == 0 else { return .failure(.temporary(reason: "DNS answers with code \(result.rcode)")) }
        var records: [[UInt8]] = []
        var index = 0
        while result.havedata != 0, records.count < UnboundResolver.maximumRecords, let octets = result.data?[index] {
            let count = Int(result.len[index])
            records.append(
                octets.withMemoryRebound(to: UInt8.self, capacity: count) {
                    Array(UnsafeBufferPointer(start: $0, count: count))
                }
            )
            index += 1
        }
        return .success(Answer(records: records, ttl: Int(result.ttl), isAuthentic: result.secure != 0))
    }

    /// Starts the thread that hands answers to their lookups.
    private static func collect(_ context: Context, until stopped: CInt) {
        let box = Unmanaged.passRetained(Collector(context: context, stopped: stopped))
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Collector>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        pthread_detach(thread)
    }

    private final class Collector: Sendable {
        let context: Context
        let stopped: CInt

        init(context: Context, stopped: CInt) {
            self.context = context
            self.stopped = stopped
        }

        func run() {
            let answers = ub_fd(context.pointer)
            while true {
                var waiting = [
                    pollfd(fd: answers, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: stopped, events: Int16(POLLIN), revents: 0),
                ]
                guard poll(&waiting, 2, -1) >= 0 || errno == EINTR else { break }
                if waiting[1].revents != 0 { break }
                if waiting[0].revents != 0 { ub_process(context.pointer) }
            }
            close(stopped)
            ub_ctx_delete(context.pointer)
        }
    }
}
