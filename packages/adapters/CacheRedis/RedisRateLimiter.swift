package import MailModel
package import MailPorts

/// Sliding-window counters that all processes share; within the process while Redis is away.
///
/// The same two buckets and the same arithmetic as `MemoryRateLimiter`, in one step on the server.
package final class RedisRateLimiter: RateLimiter {
    /// The clocks of processes differ a little: one that is behind at the turn of a window counts in the new one.
    ///
    /// Fields: w the present window's number, c its events, p those of the window before, s its seconds.
    private static let script = """
        local v = redis.call('HMGET', KEYS[1], 'w', 'c', 'p', 's')
        local s, now, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local w, c, p = math.floor(now / s), 0, 0
        if v[4] and tonumber(v[4]) == s then
            local old = tonumber(v[1])
            if old == w + 1 then w, now = old, old * s end
            if old == w then c, p = tonumber(v[2]), tonumber(v[3])
            elseif old == w - 1 then p = tonumber(v[2]) end
        end
        local events = c + math.floor(p * math.max(0, s - (now - w * s)) / s)
        local added = tonumber(ARGV[4])
        if added > 0 then
            redis.call('HSET', KEYS[1], 'w', w, 'c', c + added, 'p', p, 's', s)
            redis.call('EXPIRE', KEYS[1], 2 * s + 60)
        end
        if limit < 0 then return {1, events + added} end
        if events >= limit then return {0, math.max(1, (w + 1) * s - now)} end
        redis.call('HSET', KEYS[1], 'w', w, 'c', c + 1, 'p', p, 's', s)
        redis.call('EXPIRE', KEYS[1], 2 * s + 60)
        return {1, events + 1}
        """

    private let client: RedisClient
    private let fallback: any RateLimiter

    package init(_ client: RedisClient, fallback: any RateLimiter) {
        self.client = client
        self.fallback = fallback
    }

    package func count(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateDecision {
        guard let (isAllowed, number) = await eval(key, windowSeconds, now, limit: max(0, limit)) else {
            return await fallback.count(key, limit: limit, windowSeconds: windowSeconds, now: now)
        }
        return isAllowed ? .allowed : .exceeded(retryAfterSeconds: number)
    }

    package func measure(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateWindow {
        guard let (isAllowed, number) = await eval(key, windowSeconds, now, limit: max(0, limit)) else {
            return await fallback.measure(key, limit: limit, windowSeconds: windowSeconds, now: now)
        }
        return isAllowed
            ? RateWindow(isExceeded: false, events: number, resetSeconds: RateWindow.rest(windowSeconds, now))
            : RateWindow(isExceeded: true, events: limit, resetSeconds: number)
    }

    package func peek(_ key: String, windowSeconds: Int, now: Timestamp) async -> Int {
        if let (_, number) = await eval(key, windowSeconds, now, limit: -1) { return number }
        return await fallback.peek(key, windowSeconds: windowSeconds, now: now)
    }

    package func tally(_ key: String, adding events: Int, windowSeconds: Int, now: Timestamp) async -> RateTally {
        if let (_, number) = await eval(key, windowSeconds, now, limit: -1, adding: max(0, events)) {
            return RateTally(events: number, isShared: true)
        }
        let own = await fallback.tally(key, adding: events, windowSeconds: windowSeconds, now: now)
        return RateTally(events: own.events, isShared: false)
    }

    package func clear(_ key: String) async {
        await fallback.clear(key)
        let name = name(key)
        _ = try? await client.run(["DEL", name], key: name)
    }

    private func name(_ key: String) -> String { "\(client.options.prefix)limit:\(key)" }

    /// nil when Redis cannot say.
    private func eval(
        _ key: String,
        _ windowSeconds: Int,
        _ now: Timestamp,
        limit: Int,
        adding events: Int = 0
    ) async -> (Bool, Int)? {
        let name = name(key)
        let command = [
            "EVAL", Self.script, "1", name, "\(max(1, windowSeconds))", "\(now.seconds)", "\(limit)", "\(events)",
        ]
        guard let reply = try? await client.run(command, key: name), let parts = reply.elements, parts.count == 2,
            let isAllowed = parts[0].number, let number = parts[1].number
        else { return nil }
        return (isAllowed == 1, Int(number))
    }
}
