package import Accounts
package import HTTPKit
import MailModel
package import MailPorts

/// A signature, as routes and commands show it and take it.
package struct SignatureDocument: Codable, Sendable {
    package static let schema = Schema.document("Signature", ["text": .optional(.text), "html": .optional(.text)])
    package let text: String?
    package let html: String?

    package init(_ signature: MailSignature) { (text, html) = (signature.text, signature.html) }

    package var signature: MailSignature { MailSignature(text: text, html: html) }

    private enum CodingKeys: String, CodingKey, CaseIterable { case text, html }
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Refuses what is neither, so that a misspelt member is not ignored.
    package init(from decoder: any Decoder) throws {
        let names = try decoder.container(keyedBy: Name.self).allKeys
        if let odd = names.first(where: { CodingKeys(rawValue: $0.stringValue) == nil }) {
            let context = DecodingError.Context(
                codingPath: decoder.codingPath + [odd],
                debugDescription: "A signature has text and html."
            )
            throw DecodingError.dataCorrupted(context)
        }
        let members = try decoder.container(keyedBy: CodingKeys.self)
        text = try members.decodeIfPresent(String.self, forKey: .text)
        html = try members.decodeIfPresent(String.self, forKey: .html)
    }
}

/// An address to write with, as routes and commands show it.
package struct IdentityDocument: Encodable, Sendable {
    package static let schema = Schema.document(
        "Identity",
        [
            "email": .text, "kind": .choice(SendingAddress.Kind.allCases.map(\.rawValue)),
            "use": .choice(SendingGrantKind.allCases.map(\.rawValue)), "owner": .optional(.text),
            "is_primary": .truth, "is_default": .truth, "name": .text, "reply_to": .list(.text), "bcc": .list(.text),
            "signature": .document(
                "EffectiveSignature",
                [
                    "text": .text, "html": .text,
                    "level": .choice(Identity.Level.allCases.map(\.rawValue)),
                ]
            ),
            "settings": .optional(
                .document(
                    "IdentitySettings",
                    [
                        "name": .optional(.text), "reply_to": .list(.text), "bcc": .list(.text),
                        "signature": .optional(SignatureDocument.schema),
                    ]
                )
            ),
        ]
    )

    package struct Signature: Encodable, Sendable {
        package let text: String
        package let html: String
        package let level: String
    }

    package struct Settings: Encodable, Sendable {
        package let name: String?
        package let replyTo: [String]
        package let bcc: [String]
        package let signature: SignatureDocument?

        package init(_ settings: IdentitySettings) {
            name = settings.name
            replyTo = settings.replyTo.map(\.description)
            bcc = settings.bcc.map(\.description)
            signature = settings.signature.map { SignatureDocument($0) }
        }
    }

    package let email: String
    package let kind: String
    package let use: String
    package let owner: String?
    package let isPrimary: Bool
    package let isDefault: Bool
    package let name: String
    package let replyTo: [String]
    package let bcc: [String]
    package let signature: Signature
    package let settings: Settings?

    package init(_ identity: Identity) {
        email = identity.address.address.description
        kind = identity.address.kind.rawValue
        use = (identity.address.isOnBehalf ? SendingGrantKind.sendOnBehalf : .sendAs).rawValue
        owner = identity.address.owner?.address.description
        isPrimary = identity.isPrimary
        isDefault = identity.isDefault
        name = identity.name
        replyTo = identity.replyTo.map(\.description)
        bcc = identity.bcc.map(\.description)
        signature = Signature(
            text: identity.signature.text,
            html: identity.signature.html,
            level: identity.level.rawValue
        )
        settings = identity.settings.map { Settings($0) }
    }
}

/// What somebody has said of all their mail, as routes and commands show it.
package struct ComposingDocument: Encodable, Sendable {
    package static let schema = Schema.document(
        "Composing",
        ["default": .optional(.text), "signature": .optional(SignatureDocument.schema)]
    )
    package let `default`: String?
    package let signature: SignatureDocument?

    package init(_ book: IdentityBook) {
        self.default = book.defaultAddress?.description
        signature = book.composing.signature.map { SignatureDocument($0) }
    }
}
