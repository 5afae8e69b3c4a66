import MailModel
import Synchronization

/// Stands still until it is moved.
final class SteppingClock: WallClock {
    private let moment = Mutex(Timestamp(seconds: 1_800_000_000))
    func now() -> Timestamp { moment.withLock { $0 } }
    func advance(seconds: Int64) { moment.withLock { $0 = $0.adding(seconds: seconds) } }
}
