import Database

/// What must hold within one account: each statement finds the rows that break its rule.
///
/// `$1` is the account.
struct AccountRules: Sendable {
    let sql: String
    /// With `{0}` to `{4}` for the row's columns.
    let text: String

    func says(_ row: any SQLRow) -> String {
        text.utf8.split(separator: UInt8(ascii: "{"), omittingEmptySubsequences: false).enumerated().map {
            place,
            part in
            guard place > 0, let digit = part.first, part.dropFirst().first == UInt8(ascii: "}") else {
                return String(decoding: part, as: UTF8.self)
            }
            return row.text(Int(digit) - 48) + String(decoding: part.dropFirst(2), as: UTF8.self)
        }.joined()
    }

    static let all: [AccountRules] =
        mailboxRules + messageRules + emailRules + [
            AccountRules(
                sql: """
                    SELECT used_bytes, (SELECT COALESCE(SUM(size), 0) FROM messages WHERE account_id = $1) FROM account_counters
                    WHERE account_id = $1 AND used_bytes <> (SELECT COALESCE(SUM(size), 0) FROM messages WHERE account_id = $1)
                    """,
                text: "the quota counts {0} octets, its messages have {1}"
            ),
            AccountRules(
                sql: """
                    SELECT used_messages, (SELECT COUNT(*) FROM messages WHERE account_id = $1) FROM account_counters
                    WHERE account_id = $1 AND used_messages <> (SELECT COUNT(*) FROM messages WHERE account_id = $1)
                    """,
                text: "the quota counts {0} messages, there are {1}"
            ),
            AccountRules(
                sql: """
                    SELECT next_email, next_mailbox FROM account_counters WHERE account_id = $1
                    AND (next_email <= (SELECT COALESCE(MAX(email_id), 0) FROM emails WHERE account_id = $1)
                    OR next_mailbox <= (SELECT COALESCE(MAX(mailbox_id), 0) FROM mailboxes WHERE account_id = $1))
                    """,
                text: "the next numbers, {0} and {1}, are in use"
            ),
        ]

    private static let mailboxRules: [AccountRules] = [
        AccountRules(
            sql: """
                SELECT mailbox_id, grantee_id FROM mailbox_rights WHERE account_id = $1
                AND mailbox_id NOT IN (SELECT mailbox_id FROM mailboxes WHERE account_id = $1)
                """,
            text: "account {1} has rights in mailbox {0}, which is not there"
        ),
        AccountRules(
            sql: """
                SELECT mailbox_id, messages, unseen, deleted, size FROM mailboxes AS mailbox WHERE account_id = $1
                AND (messages, unseen, deleted, size) <> (
                    SELECT COUNT(*), COALESCE(SUM(CASE WHEN flags & 1 = 0 THEN 1 ELSE 0 END), 0),
                    COALESCE(SUM(CASE WHEN flags & 8 <> 0 THEN 1 ELSE 0 END), 0), COALESCE(SUM(size), 0)
                    FROM messages WHERE account_id = $1 AND mailbox_id = mailbox.mailbox_id
                )
                """,
            text: "mailbox {0} counts {1} messages, {2} unseen, {3} deleted, {4} octets; its rows say otherwise"
        ),
        AccountRules(
            sql: """
                SELECT mailbox_id, uid_next FROM mailboxes AS mailbox WHERE account_id = $1
                AND (uid_next <= (SELECT COALESCE(MAX(uid), 0) FROM messages WHERE account_id = $1 AND mailbox_id = mailbox.mailbox_id)
                OR uid_next <= (SELECT COALESCE(MAX(uid), 0) FROM tombstones WHERE account_id = $1 AND mailbox_id = mailbox.mailbox_id))
                """,
            text: "mailbox {0}: UIDNEXT {1} is in use"
        ),
        AccountRules(
            sql: """
                SELECT mailbox_id, highest_modseq FROM mailboxes AS mailbox WHERE account_id = $1
                AND (highest_modseq > (SELECT modseq FROM account_counters WHERE account_id = $1)
                OR highest_modseq < (SELECT COALESCE(MAX(modseq), 0) FROM messages WHERE account_id = $1 AND mailbox_id = mailbox.mailbox_id)
                OR highest_modseq < (SELECT COALESCE(MAX(modseq), 0) FROM tombstones WHERE account_id = $1 AND mailbox_id = mailbox.mailbox_id))
                """,
            text: "mailbox {0}: its highest modification number {1} is not the highest"
        ),
        AccountRules(
            sql: """
                SELECT account_id FROM account_counters WHERE account_id = $1
                AND NOT EXISTS (SELECT 1 FROM mailboxes WHERE account_id = $1 AND mailbox_id = 1 AND name = 'INBOX')
                """,
            text: "it has no INBOX"
        ),
    ]

    private static let messageRules: [AccountRules] = [
        AccountRules(
            sql: """
                SELECT mailbox_id, COUNT(*) FROM messages AS message WHERE account_id = $1 AND NOT EXISTS (
                    SELECT 1 FROM mailboxes WHERE account_id = $1 AND mailbox_id = message.mailbox_id
                ) GROUP BY mailbox_id
                """,
            text: "{1} messages are in mailbox {0}, which is not there"
        ),
        AccountRules(
            sql: """
                SELECT mailbox_id, uid FROM messages AS message WHERE account_id = $1 AND NOT EXISTS (
                    SELECT 1 FROM emails WHERE account_id = $1 AND email_id = message.email_id
                ) LIMIT 100
                """,
            text: "message {1} in mailbox {0} has no content"
        ),
        AccountRules(
            sql: """
                SELECT mailbox_id, uid, size, LENGTH(prefix) + blob_size FROM messages JOIN emails
                ON emails.account_id = messages.account_id AND emails.email_id = messages.email_id
                WHERE messages.account_id = $1 AND size <> LENGTH(prefix) + blob_size LIMIT 100
                """,
            text: "message {1} in mailbox {0} says {2} octets, its content has {3}"
        ),
        AccountRules(
            sql: """
                SELECT messages.mailbox_id, messages.uid FROM tombstones JOIN messages ON messages.account_id = tombstones.account_id
                AND messages.mailbox_id = tombstones.mailbox_id AND messages.uid = tombstones.uid WHERE tombstones.account_id = $1 LIMIT 100
                """,
            text: "message {1} in mailbox {0} is both there and expunged"
        ),
    ]

    private static let emailRules: [AccountRules] = [
        AccountRules(
            sql: """
                SELECT email_id, refs, (SELECT COUNT(*) FROM messages WHERE account_id = $1 AND email_id = email.email_id)
                FROM emails AS email WHERE account_id = $1 AND email_id IN (
                    SELECT email_id FROM (
                        SELECT email_id, refs AS counted FROM emails WHERE account_id = $1
                        UNION ALL SELECT email_id, -1 FROM messages WHERE account_id = $1
                    ) AS every GROUP BY email_id HAVING SUM(counted) <> 0
                ) LIMIT 100
                """,
            text: "email {0} counts {1} messages, there are {2}"
        ),
        AccountRules(
            sql: """
                SELECT email_id FROM emails AS email WHERE account_id = $1 AND is_inline = 1
                AND NOT EXISTS (SELECT 1 FROM inline_bytes WHERE account_id = $1 AND email_id = email.email_id) LIMIT 100
                """,
            text: "email {0} has lost its bytes"
        ),
        AccountRules(
            sql: """
                SELECT email_id FROM inline_bytes AS bytes WHERE account_id = $1
                AND NOT EXISTS (SELECT 1 FROM emails WHERE account_id = $1 AND email_id = bytes.email_id AND is_inline = 1) LIMIT 100
                """,
            text: "bytes of email {0}, which is not there"
        ),
    ]
}
