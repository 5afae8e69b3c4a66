import ByteParsing
import MailModel
import MailPorts
import MessageFormat

/// Makes what the members of a list get of a message to it.
///
/// The body and what authors sign stay as they are; the list's own fields come on top (RFC 2369, RFC 2919). `From` names the list
/// where the author's domain would have receivers refuse mail that reaches them by way of others.
struct ListCopy: Sendable {
    /// Names of fields that speak for a list; those of another list before this one go.
    static let ownFields: [StaticString] = [
        "list-id", "list-post", "list-unsubscribe", "list-unsubscribe-post", "list-help", "list-owner",
        "list-subscribe", "list-archive",
    ]

    let signer: any MessageSigning
    let policy: AuthorPolicy

    /// - Parameter bytes: the message as it would be stored, Received fields included.
    func make(
        of bytes: [UInt8],
        for list: DistributionList,
        isSubmitted: Bool
    ) async throws(DeliveryRefusal) -> [UInt8] {
        let header = HeaderBlock(bytes)
        try Self.require(header, size: bytes.count, for: list)
        var fields = Self.fields(of: list)
        var removed = Self.ownFields
        if !isSubmitted, let author = await disguised(header) {
            fields += Self.authorFields(author, header, list)
            removed += ["from", "reply-to", "dkim-signature", "sender"]
        }
        let message = fields + header.removing(removed)
        do throws(StoreError) {
            return try await signer.sign(message, domain: list.address.domain) + message
        } catch {
            throw DeliveryRefusal(error)
        }
    }

    /// What no list takes.
    private static func require(
        _ header: HeaderBlock,
        size: Int,
        for list: DistributionList
    ) throws(DeliveryRefusal) {
        let identifier = Array("<\(list.identifier)>".utf8)
        let address = Array(list.address.canonical.utf8)
        let isBack =
            header.values("list-id").contains { value in
                value.map(\.asciiLowercased).suffix(identifier.count).elementsEqual(identifier)
            } || header.values("delivered-to").contains { $0.map(\.asciiLowercased) == address }
        guard !isBack else { throw .loop }
        // RFC 3834 §5: an answer by a program goes to whom it answers, and never to everybody.
        guard
            !header.values("auto-submitted").contains(where: {
                $0.map(\.asciiLowercased).starts(with: "auto-replied".utf8)
            })
        else {
            throw .refusedByList("Automatic answers do not go to a list")
        }
        if let limit = list.maximumSize, size > limit {
            throw .refusedByList("The message is larger than the list takes")
        }
    }

    /// RFC 2919 §3, RFC 2369 §3.
    ///
    /// The local part has letters, digits, `.`, `-` and `_` alone.
    private static func fields(of list: DistributionList) -> [UInt8] {
        let name = list.name.isEmpty ? [] : HeaderPhrase.encoded(list.name) + [ASCII.space]
        let (address, owner) = (list.address.canonical, list.ownerAddress.canonical)
        let post = list.posting == .named ? "NO" : "<mailto:\(address)>"
        return Array("List-Id: ".utf8) + name
            + Array(
                """
                <\(list.identifier)>\r\nList-Post: \(post)\r\nList-Owner: <mailto:\(owner)>\r\n\
                List-Unsubscribe: <mailto:\(owner)?subject=unsubscribe>\r\nPrecedence: list\r\nDelivered-To: \(address)\r\n
                """.utf8
            )
    }

    // MARK: - The author

    private struct Author {
        /// nil where From has none that can be read.
        var address: EmailAddress?
        var name: String
    }

    /// Who wrote it, where `From` cannot stay.
    private func disguised(_ header: HeaderBlock) async -> Author? {
        let found = header.values("from").flatMap { AddressList.parse($0) }.filter { $0.addrSpec != nil }
        guard header.count("from") == 1, let first = found.first, let local = first.mailbox, let host = first.host
        else {
            return Author(address: nil, name: "")
        }
        let address = EmailAddress(
            uncheckedLocalPart: String(decoding: local, as: UTF8.self),
            domain: String(decoding: host, as: UTF8.self)
        )
        guard await policy.isStrict(address.domain) else { return nil }
        let name = first.name.map { EncodedWord.decode($0) } ?? ""
        return Author(address: address, name: name.isEmpty ? address.localPart : name)
    }

    /// `From: Ann via Team <team@shop.test>`, and answers go to the author where the message does not say otherwise.
    private static func authorFields(
        _ author: Author,
        _ header: HeaderBlock,
        _ list: DistributionList
    ) -> [UInt8] {
        let own = list.name.isEmpty ? list.address.localPart : list.name
        let name = author.name.isEmpty ? own : "\(author.name) via \(own)"
        var fields =
            Array("From: ".utf8) + HeaderPhrase.encoded(name)
            + Array(" <\(list.address.canonical)>\r\n".utf8)
        if let reply = header.values("reply-to").first {
            fields += Array("Reply-To: ".utf8) + reply + [ASCII.cr, ASCII.lf]
        } else if let address = author.address, !address.description.utf8.contains(where: { $0.isASCIIControl }) {
            fields += Array("Reply-To: \(address)\r\n".utf8)
        }
        return fields
    }
}
