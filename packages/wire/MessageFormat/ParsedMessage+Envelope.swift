import ByteParsing

extension ParsedMessage {
    /// RFC 9051 §7.5.2: `(date subject from sender reply-to to cc bcc in-reply-to message-id)` of the part's header.
    package func imapEnvelope(of part: BodyPart) -> [UInt8] {
        var text = IMAPText()
        text.raw("(")
        text.optional(part.lastValue("date", in: bytes))
        text.raw(" ")
        text.optional(part.lastValue("subject", in: bytes))
        let from = addresses(part, "from")
        write(from, &text)
        // RFC 9051 §7.5.2: an absent or empty Sender or Reply-To is From.
        for name in ["sender", "reply-to"] as [StaticString] {
            let own = addresses(part, name)
            write(own.isEmpty ? from : own, &text)
        }
        for name in ["to", "cc", "bcc"] as [StaticString] { write(addresses(part, name), &text) }
        for name in ["in-reply-to", "message-id"] as [StaticString] {
            text.raw(" ")
            text.optional(part.lastValue(name, in: bytes))
        }
        text.raw(")")
        return text.bytes
    }

    /// The addresses of every field of that name.
    package func addresses(_ part: BodyPart, _ name: StaticString) -> [MessageAddress] {
        part.fields.fields.filter { bytes[$0.name].equalsIgnoringASCIICase(name) }
            .flatMap { AddressList.parse(unfolded(bytes, $0.value)) }
    }

    private func write(_ addresses: [MessageAddress], _ text: inout IMAPText) {
        guard !addresses.isEmpty else {
            text.raw(" NIL")
            return
        }
        text.raw(" (")
        for address in addresses {
            text.raw("(")
            for (index, part) in [address.name, address.route, address.mailbox, address.host].enumerated() {
                if index > 0 { text.raw(" ") }
                text.optional(part)
            }
            text.raw(")")
        }
        text.raw(")")
    }
}
