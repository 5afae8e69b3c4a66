package import MailModel
package import MailPorts
package import NIOCore

/// Reads octets of messages: whole, by range, or the header alone.
package struct MessageReader: Sendable {
    package let store: any MailboxStore
    package let account: AccountID

    package init(store: any MailboxStore, account: AccountID) {
        self.store = store
        self.account = account
    }

    package func read(_ email: EmailID, _ range: Range<Int>) async throws(StoreError) -> ByteBuffer {
        try await store.read(email, of: account, range: range)
    }

    package func whole(_ email: EmailID, size: Int) async throws(StoreError) -> [UInt8] {
        let buffer = try await store.read(email, of: account, range: 0..<size)
        return Array(buffer.readableBytesView)
    }

    /// The header with its empty line; the whole message when it has none.
    ///
    /// Reads 16 KiB first, more where that is too little.
    package func header(_ email: EmailID, size: Int) async throws(StoreError) -> [UInt8] {
        var wanted = min(size, 16 << 10)
        while true {
            let bytes = try await whole(email, size: wanted)
            if let end = Self.headerEnd(bytes) { return Array(bytes[..<end]) }
            if wanted >= size || bytes.count < wanted { return bytes }
            wanted = min(size, wanted * 8)
        }
    }

    /// Behind the first empty line.
    package static func headerEnd(_ bytes: [UInt8]) -> Int? {
        var lineStart = 0
        for (place, byte) in bytes.enumerated() where byte == 10 {
            let length = place - lineStart
            if length == 0 || length == 1 && bytes[lineStart] == 13 { return place + 1 }
            lineStart = place + 1
        }
        return nil
    }
}
