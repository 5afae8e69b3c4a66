/// What stands between a database and the schema of this program.
package struct SchemaPlan: Sendable {
    /// One version of the schema that is missing.
    package struct Step: Sendable {
        package var version: Int64
        package var name: String
        package var checksum: String
        package var statements: [Statement]
        package init(version: Int64, name: String, checksum: String, statements: [Statement]) {
            (self.version, self.name, self.checksum, self.statements) = (version, name, checksum, statements)
        }
    }

    package struct Statement: Sendable {
        /// As the engine gets it.
        package var sql: String
        package var effects: [Effect]
        package init(sql: String, effects: [Effect]) { (self.sql, self.effects) = (sql, effects) }
    }

    package enum Effect: String, Sendable {
        /// Takes something away that an older program may use, or that cannot be brought back.
        case destructive
        /// Keeps others from writing to a table that may be large.
        case locksTable = "locks-table"
    }

    /// The newest version that has been applied; 0 for an empty database.
    package var current: Int64
    /// In their order; empty when nothing is missing.
    package var steps: [Step]
    package init(current: Int64, steps: [Step]) { (self.current, self.steps) = (current, steps) }
}
