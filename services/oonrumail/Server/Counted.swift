extension Int {
    /// `1 message`, `2 messages`.
    ///
    /// - Parameter several: the plural where it is not the singular with an s.
    func counted(_ one: String, _ several: String? = nil) -> String {
        "\(self) \(self == 1 ? one : several ?? one + "s")"
    }
}
