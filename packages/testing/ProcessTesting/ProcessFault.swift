/// What hindered a process that tests start.
package struct ProcessFault: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}
