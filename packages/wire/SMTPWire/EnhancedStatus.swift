/// RFC 3463 §2: the `class.subject.detail` code that says why, beside the three digits that say what to do.
package struct EnhancedStatus: Hashable, Sendable, CustomStringConvertible {
    /// 2, 4 or 5.
    package let category: UInt8
    package let subject: UInt16
    package let detail: UInt16

    package init(_ category: UInt8, _ subject: UInt16, _ detail: UInt16) {
        self.category = category
        self.subject = subject
        self.detail = detail
    }

    package var description: String { "\(category).\(subject).\(detail)" }
}
