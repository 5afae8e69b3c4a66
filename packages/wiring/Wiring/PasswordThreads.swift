import NIOPosix

/// Threads of their own for Argon2id: sign-ins must not wait behind files, nor files behind sign-ins.
final class PasswordThreads: Sendable {
    private let pool: NIOThreadPool

    init(count: Int) {
        pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
    }

    @Sendable func submit(_ job: @escaping @Sendable () -> Void) { pool.submit { _ in job() } }
}
