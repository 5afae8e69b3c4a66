"""The statements of one delivery, as a script for pgbench; ACCOUNTS stands for the number of accounts."""
SAME = r"""
\set a random(1, ACCOUNTS)
BEGIN;
UPDATE account_counters SET next_email = next_email + 1, next_thread = next_thread + 1, modseq = modseq + 1, used_bytes = used_bytes + 4096, used_messages = used_messages + 1 WHERE account_id = :a RETURNING next_email, next_thread, modseq \gset
UPDATE mailboxes SET uid_next = uid_next + 1, highest_modseq = :modseq, messages = messages + 1, unseen = unseen + 1, size = size + 4096 WHERE account_id = :a AND mailbox_id = 1 RETURNING uid_next \gset
SELECT COUNT(*) FROM thread_references WHERE account_id = :a AND reference_hash = :next_email;
INSERT INTO messages (account_id, mailbox_id, uid, flags, keywords, modseq, email_id, size, internal_date, saved_at) VALUES (:a, 1, :uid_next, 0, '', :modseq, :next_email, 4096, 1, 1);
INSERT INTO thread_references (account_id, reference_hash, thread_id) VALUES (:a, :next_email, :next_thread) ON CONFLICT DO NOTHING;
INSERT INTO emails (account_id, email_id, thread_id, refs, blob_hash, is_inline, blob_size, prefix, received_at, envelope, body_structure, header_size, subject, from_text, to_text, cc_text, bcc_text, message_id, reference_ids, sent_at, has_attachment, preview) VALUES (:a, :next_email, :next_thread, 1, decode(repeat('00', 32), 'hex'), 1, 4096, 'Return-Path', 1, 'an envelope of some octets', 'a structure', 200, 'Tea', 'Ann ann@shop.test', 'bob@shop.test', '', '', 'm', '', 1, 0, 'Tea at four');
INSERT INTO inline_bytes (account_id, email_id, encoding, data) VALUES (:a, :next_email, 0, convert_to(repeat('abcdefgh', 512), 'UTF8'));
INSERT INTO trace_events (at, kind, queue_id, message_id, sender, recipient, remote, detail) VALUES (1, 'accepted', 'q', 'm', 'a', 'b', NULL, 'ok');
COMMIT;
"""
