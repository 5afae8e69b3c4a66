extension ProviderSignIn {
    /// Where people and their browsers go.
    package struct Places: Sendable {
        /// The platform's own address that the provider sends browsers back to.
        package var callback: String
        /// Pages that a browser may be sent on to; the first is the standard.
        package var pages: [String]
        /// Where the OpenID provider's own pages take people back; nil: there are none.
        package var ownPage: String?
        package init(callback: String, pages: [String], ownPage: String? = nil) {
            (self.callback, self.pages, self.ownPage) = (callback, pages, ownPage)
        }

        func takes(_ page: String) -> Bool {
            pages.contains { $0.utf8.elementsEqual(page.utf8) } || isOwn(page)
        }

        package func isOwn(_ page: String) -> Bool { ownPage.map { $0.utf8.elementsEqual(page.utf8) } ?? false }
    }
}
