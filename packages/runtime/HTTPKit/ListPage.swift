/// A page of a list as a document: the items under the list's name, and `next` where there is a next page.
package struct ListPage<Item: Encodable>: Encodable {
    private let name: String
    private let items: [Item]
    private let next: String?

    package init(_ name: String, _ items: [Item], next: String?) {
        (self.name, self.items, self.next) = (name, items, next)
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Key.self)
        try members.encode(items, forKey: Key(stringValue: name))
        try members.encodeIfPresent(next, forKey: Key(stringValue: "next"))
    }
}
