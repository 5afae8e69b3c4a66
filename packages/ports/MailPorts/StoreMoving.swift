/// What an operator asks of a move between databases.
package enum MoveOrder: Sendable {
    /// Copies the one-machine store into the database of the settings, and cuts over.
    case move
    /// Brings it back, with what has changed since.
    case takeBack
    /// Ends the time in which it can be taken back.
    case confirm
}

/// What a move between databases did.
package struct MoveOutcome: Sendable {
    /// Rows copied, and rows copied again because they had changed.
    package var rows: Int
    package var changes: Int
    /// Messages copied that lie outside of the database.
    package var blobs: Int
    /// How long no change was taken.
    package var pause: Duration

    package init(rows: Int = 0, changes: Int = 0, blobs: Int = 0, pause: Duration = .zero) {
        (self.rows, self.changes, self.blobs, self.pause) = (rows, changes, blobs, pause)
    }
}
