import ByteParsing
import MailModel
import MailPorts

@testable import SenderAuth

/// TXT records by name; what is not there does not exist.
struct TextRecords: DNSResolving {
    var texts: [String: [String]]
    var failure: DNSError?

    init(_ texts: [String: [String]], failure: DNSError? = nil) {
        self.texts = texts
        self.failure = failure
    }

    func txt(_ name: String) async throws(DNSError) -> DNSAnswer<String> {
        if let failure { throw failure }
        guard let found = texts[name] else { throw .noSuchName }
        return DNSAnswer(records: found, isAuthentic: false)
    }

    func mx(_ name: String) async throws(DNSError) -> DNSAnswer<MXRecord> { throw .noSuchName }
    func addresses(_ name: String) async throws(DNSError) -> DNSAnswer<IPAddress> { throw .noSuchName }
    func ptr(_ address: IPAddress) async throws(DNSError) -> DNSAnswer<String> { throw .noSuchName }
}

struct FixedClock: WallClock {
    var moment = Timestamp(seconds: 1_800_000_000)
    func now() -> Timestamp { moment }
}

/// A text literal's lines as they go over the wire.
func wire(_ text: String) -> [UInt8] {
    var output: [UInt8] = []
    for byte in text.utf8 {
        if byte == ASCII.lf { output.append(ASCII.cr) }
        output.append(byte)
    }
    return output
}

/// RFC 8463 appendix A: one message, signed with both algorithms.
enum RFC8463 {
    static let ed25519Record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    static let ed25519Seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
    static let rsaRecord =
        "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16J"
        + "Yi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

    static let records = TextRecords([
        "brisbane._domainkey.football.example.com": [ed25519Record],
        "test._domainkey.football.example.com": [rsaRecord],
    ])

    static let message = wire(
        """
        DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
         d=football.example.com; i=@football.example.com;
         q=dns/txt; s=brisbane; t=1528637909; h=from : to :
         subject : date : message-id : from : subject : date;
         bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
         b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
         Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
        DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
         d=football.example.com; i=@football.example.com;
         q=dns/txt; s=test; t=1528637909; h=from : to : subject :
         date : message-id : from : subject : date;
         bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
         b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
         DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
         dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
        From: Joe SixPack <joe@football.example.com>
        To: Suzie Q <suzie@shopping.example.net>
        Subject: Is dinner ready?
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
        Message-ID: <20030712040037.46341.5F8J@football.example.com>

        Hi.

        We lost the game.  Are you hungry yet?

        Joe.

        """
    )
}

/// RFC 6376 appendix A with simple/simple; its key is a bare RSAPublicKey (erratum 3017).
enum RFC6376 {
    static let records = TextRecords([
        "newengland._domainkey.example.com": [
            "v=DKIM1; p=MIGJAoGBALVI635dLK4cJJAH3Lx6upo3X/Lm1tQz3mezcWTA3BUBnyIsdnRf57aD5BtNmhPrYYDlWlzw3UgnKisIxktkk5+iMQMlFtAS1"
                + "0JB8L3YadXNJY+JBcbeSi5TgJe4WFzNgW95FWDAuSTRXSWZfA/8xjflbTLDx0euFZOM7C4T0GwLAgMBAAE="
        ]
    ])

    static let message = wire(
        """
        DKIM-Signature: a=rsa-sha256; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
         c=simple/simple; d=example.com;
         h=Received:From:To:Subject:Date:Message-ID; i=joe@football.example.com;
         s=newengland; t=1615825284; v=1;
         b=Xh4Ujb2wv5x54gXtulCiy4C0e+plRm6pZ4owF+kICpYzs/8WkTVIDBrzhJP0DAYCpnL62T0G
         k+0OH8pi/yqETVjKtKk+peMnNvKkut0GeWZMTze0bfq3/JUK3Ln3jTzzpXxrgVnvBxeY9EZIL4g
         s4wwFRRKz/1bksZGSjD8uuSU=
        Received: from client1.football.example.com  [192.0.2.1]
              by submitserver.example.com with SUBMISSION;
              Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
        From: Joe SixPack <joe@football.example.com>
        To: Suzie Q <suzie@shopping.example.net>
        Subject: Is dinner ready?
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
        Message-ID: <20030712040037.46341.5F8J@football.example.com>

        Hi.

        We lost the game. Are you hungry yet?

        Joe.

        """
    )
}
