package import MailModel
package import MailPorts
import Synchronization

/// Keeps what was noted, in order.
package final class RecordingConduct: ConductNoting {
    private let notes = Mutex<[(conduct: Conduct, remote: IPAddress)]>([])
    package init() {}

    package func note(_ conduct: Conduct, of remote: IPAddress) { notes.withLock { $0.append((conduct, remote)) } }

    package var all: [(conduct: Conduct, remote: IPAddress)] { notes.withLock { $0 } }

    /// `failed_sign_in 192.0.2.1`, or `good conduct …`.
    package var words: [String] { all.map { "\($0.conduct) \($0.remote)" } }
}
