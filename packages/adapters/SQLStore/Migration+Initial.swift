// Table: the first schema. Every table that holds mail starts its primary key with account_id.

extension Migration {
    static let initial = Migration(
        version: 1,
        name: "initial",
        statements: [
            "CREATE TABLE sequences (name TEXT PRIMARY KEY, next BIGINT NOT NULL) {clustered}",
            "CREATE TABLE organisations (organisation_id BIGINT PRIMARY KEY, name TEXT NOT NULL, created_at BIGINT NOT NULL)",
            """
            CREATE TABLE domains (
                name TEXT PRIMARY KEY, domain_id BIGINT NOT NULL UNIQUE, organisation_id BIGINT NOT NULL, status TEXT NOT NULL,
                created_at BIGINT NOT NULL
            ) {clustered}
            """,
            """
            CREATE TABLE dkim_keys (
                domain TEXT NOT NULL, selector TEXT NOT NULL, algorithm TEXT NOT NULL, sealed_private_key {bytes} NOT NULL,
                public_key {bytes} NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (domain, selector)
            )
            """,
            """
            CREATE TABLE accounts (
                account_id BIGINT PRIMARY KEY, organisation_id BIGINT NOT NULL, primary_address TEXT NOT NULL UNIQUE,
                domain TEXT NOT NULL, display_name TEXT NOT NULL, role TEXT NOT NULL, status TEXT NOT NULL, created_at BIGINT NOT NULL
            )
            """,
            "CREATE INDEX accounts_by_domain ON accounts (domain, primary_address)",
            "CREATE INDEX accounts_by_organisation ON accounts (organisation_id, account_id)",
            """
            CREATE TABLE account_counters (
                account_id BIGINT PRIMARY KEY, next_email BIGINT NOT NULL, next_mailbox BIGINT NOT NULL, next_thread BIGINT NOT NULL,
                modseq BIGINT NOT NULL, uid_validity BIGINT NOT NULL, quota_bytes BIGINT, used_bytes BIGINT NOT NULL,
                used_messages BIGINT NOT NULL
            )
            """,
            "CREATE TABLE credentials (account_id BIGINT PRIMARY KEY, password_hash TEXT NOT NULL, changed_at BIGINT NOT NULL)",
            """
            CREATE TABLE addresses (
                address TEXT PRIMARY KEY, domain TEXT NOT NULL, written TEXT NOT NULL, account_id BIGINT
            ) {clustered}
            """,
            "CREATE INDEX addresses_by_domain ON addresses (domain, address)",
            "CREATE INDEX addresses_by_account ON addresses (account_id)",
            """
            CREATE TABLE alias_targets (
                address TEXT NOT NULL, position BIGINT NOT NULL, target TEXT NOT NULL, written TEXT NOT NULL,
                PRIMARY KEY (address, position)
            ) {clustered}
            """,
            "CREATE INDEX alias_targets_by_target ON alias_targets (target)",
            """
            CREATE TABLE refresh_tokens (
                token_hash {bytes} PRIMARY KEY, account_id BIGINT NOT NULL, family TEXT NOT NULL, issued_at BIGINT NOT NULL,
                expires_at BIGINT NOT NULL, spent_at BIGINT
            ) {clustered}
            """,
            "CREATE TABLE token_families (family TEXT PRIMARY KEY, account_id BIGINT NOT NULL, revoked_at BIGINT) {clustered}",
            "CREATE INDEX token_families_by_account ON token_families (account_id)",
            "CREATE TABLE platform_secrets (name TEXT PRIMARY KEY, value {bytes} NOT NULL) {clustered}",
            """
            CREATE TABLE audit (
                audit_id {auto}, at BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, remote TEXT,
                detail TEXT NOT NULL
            )
            """,
            """
            CREATE TABLE mailboxes (
                account_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, name TEXT NOT NULL, special_use TEXT, uid_validity BIGINT NOT NULL,
                uid_next BIGINT NOT NULL, highest_modseq BIGINT NOT NULL, messages BIGINT NOT NULL, unseen BIGINT NOT NULL,
                deleted BIGINT NOT NULL, size BIGINT NOT NULL, PRIMARY KEY (account_id, mailbox_id)
            ) {clustered}
            """,
            "CREATE UNIQUE INDEX mailboxes_by_name ON mailboxes (account_id, name)",
            "CREATE TABLE subscriptions (account_id BIGINT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account_id, name)) {clustered}",
            """
            CREATE TABLE messages (
                account_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, uid BIGINT NOT NULL, flags BIGINT NOT NULL, keywords TEXT NOT NULL,
                modseq BIGINT NOT NULL, email_id BIGINT NOT NULL, size BIGINT NOT NULL, internal_date BIGINT NOT NULL,
                saved_at BIGINT NOT NULL, PRIMARY KEY (account_id, mailbox_id, uid)
            ) {clustered}
            """,
            "CREATE INDEX messages_by_modseq ON messages (account_id, mailbox_id, modseq)",
            """
            CREATE TABLE tombstones (
                account_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, uid BIGINT NOT NULL, modseq BIGINT NOT NULL,
                PRIMARY KEY (account_id, mailbox_id, uid)
            ) {clustered}
            """,
            "CREATE INDEX tombstones_by_modseq ON tombstones (account_id, mailbox_id, modseq)",
            """
            CREATE TABLE emails (
                account_id BIGINT NOT NULL, email_id BIGINT NOT NULL, thread_id BIGINT NOT NULL, refs BIGINT NOT NULL,
                blob_hash {bytes} NOT NULL, is_inline BIGINT NOT NULL, blob_size BIGINT NOT NULL, prefix {bytes} NOT NULL,
                received_at BIGINT NOT NULL, envelope {bytes} NOT NULL, body_structure {bytes} NOT NULL, header_size BIGINT NOT NULL,
                subject TEXT NOT NULL, from_text TEXT NOT NULL, to_text TEXT NOT NULL, cc_text TEXT NOT NULL, bcc_text TEXT NOT NULL,
                message_id TEXT, reference_ids TEXT NOT NULL, sent_at BIGINT, has_attachment BIGINT NOT NULL, preview TEXT NOT NULL,
                PRIMARY KEY (account_id, email_id)
            )
            """,
            "CREATE INDEX emails_by_large_blob ON emails (blob_hash) WHERE is_inline = 0",
            """
            CREATE TABLE inline_bytes (
                account_id BIGINT NOT NULL, email_id BIGINT NOT NULL, encoding BIGINT NOT NULL, data {bytes} NOT NULL,
                PRIMARY KEY (account_id, email_id)
            )
            """,
            """
            CREATE TABLE thread_references (
                account_id BIGINT NOT NULL, reference_hash BIGINT NOT NULL, thread_id BIGINT NOT NULL,
                PRIMARY KEY (account_id, reference_hash)
            ) {clustered}
            """,
            """
            CREATE TABLE queue_messages (
                account_id BIGINT NOT NULL, queue_id TEXT NOT NULL, sender TEXT NOT NULL, created_at BIGINT NOT NULL,
                expires_at BIGINT NOT NULL, size BIGINT NOT NULL, needs_utf8 BIGINT NOT NULL, is_8bit BIGINT NOT NULL, message_id TEXT,
                blob_hash {bytes} NOT NULL, encoding BIGINT NOT NULL, data {bytes}, PRIMARY KEY (account_id, queue_id)
            )
            """,
            "CREATE INDEX queue_messages_by_id ON queue_messages (queue_id)",
            "CREATE INDEX queue_messages_by_large_blob ON queue_messages (blob_hash) WHERE data IS NULL",
            """
            CREATE TABLE queue_recipients (
                account_id BIGINT NOT NULL, queue_id TEXT NOT NULL, recipient TEXT NOT NULL, written TEXT NOT NULL, domain TEXT NOT NULL,
                original TEXT, state TEXT NOT NULL, attempts BIGINT NOT NULL, next_attempt_at BIGINT NOT NULL, lease_until BIGINT NOT NULL,
                fence BIGINT NOT NULL, last_reply TEXT NOT NULL, PRIMARY KEY (account_id, queue_id, recipient)
            ) {clustered}
            """,
            "CREATE INDEX queue_recipients_due ON queue_recipients (state, next_attempt_at)",
            "CREATE INDEX queue_recipients_by_id ON queue_recipients (queue_id, recipient)",
            """
            CREATE TABLE queue_attempts (
                account_id BIGINT NOT NULL, queue_id TEXT NOT NULL, at BIGINT NOT NULL, host TEXT NOT NULL, tls TEXT,
                transcript TEXT NOT NULL, PRIMARY KEY (account_id, queue_id, at, host)
            )
            """,
            """
            CREATE TABLE notices (notice_id {auto}, account_id BIGINT NOT NULL, mailbox_id BIGINT, modseq BIGINT NOT NULL)
            """,
            """
            CREATE TABLE trace_events (
                trace_id {auto}, at BIGINT NOT NULL, kind TEXT NOT NULL, queue_id TEXT NOT NULL, message_id TEXT, sender TEXT NOT NULL,
                recipient TEXT, remote TEXT, detail TEXT NOT NULL
            )
            """,
            "CREATE INDEX trace_events_by_queue_id ON trace_events (queue_id)",
            "CREATE INDEX trace_events_by_message_id ON trace_events (message_id) WHERE message_id IS NOT NULL",
            "CREATE INDEX trace_events_by_sender ON trace_events (sender)",
            "CREATE INDEX trace_events_by_recipient ON trace_events (recipient) WHERE recipient IS NOT NULL",
        ]
    )
}
