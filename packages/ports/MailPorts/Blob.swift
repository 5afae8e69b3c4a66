package import MailModel
package import NIOCore

/// The bytes of a message on their way into the store: in memory, or in a spool file when large.
package enum SpooledBytes: Sendable {
    case memory(ByteBuffer)
    /// A file in the spool folder; the store takes it over (renames it) or leaves it to the caller to remove.
    case file(path: String, size: Int)

    package var size: Int {
        switch self {
        case .memory(let buffer): buffer.readableBytes
        case .file(_, let size): size
        }
    }
}

/// Large immutable byte strings by the SHA-256 of their content; small ones lie inline in the database.
///
/// `put` comes before the row that names the blob; a sweep removes what no row names after a grace period.
package protocol BlobStore: Sendable {
    /// Makes the bytes durable under their hash. Putting what is there already costs no second copy.
    func put(_ bytes: SpooledBytes, hash: BlobHash) async throws(StoreError)
    /// The bytes of `range` (clamped to the blob). `.notFound` when there is no such blob, `.damaged` when it does not decode.
    func read(_ hash: BlobHash, range: Range<Int>) async throws(StoreError) -> ByteBuffer
    /// Reads the whole blob and compares its hash.
    func verify(_ hash: BlobHash) async throws(StoreError)
    func remove(_ hash: BlobHash) async throws(StoreError)
    /// Removes the blob unless it was put (again) at that moment or later, in one step that no `put` can fall between.
    /// Whether it was removed.
    func remove(_ hash: BlobHash, ifPutBefore moment: Timestamp) async throws(StoreError) -> Bool
    /// Every blob here that was last put before the moment, in batches by ascending hash after `after`.
    func list(after: BlobHash?, limit: Int, olderThan: Timestamp) async throws(StoreError) -> [BlobHash]
}
