"""People who write, read, file and delete mail while servers die, and a ledger of what they were promised."""
import collections
import imaplib
import re
import smtplib
import threading
import zlib

from letters import letter, opened

FOLDERS = ("INBOX", "Archive", "Kept")
TROUBLE = (OSError, smtplib.SMTPException, imaplib.IMAP4.error, AssertionError)


class Ledger:
    """What was acknowledged to whom."""

    def __init__(self):
        self.lock = threading.Lock()
        self.attempted = 0
        self.kept = collections.defaultdict(set)      # account -> keys of acknowledged messages
        self.unsure = collections.defaultdict(set)    # account -> keys whose removal may or may not have happened
        self.removed = collections.defaultdict(set)   # account -> keys whose removal was acknowledged
        self.flagged = collections.defaultdict(set)   # account -> keys whose flag was acknowledged
        self.sent = set()                             # (key, recipient elsewhere) of acknowledged submissions
        self.named = {}                               # (account, mailbox, UIDVALIDITY, UID) -> key
        self.renamed = []                             # the same UID seen with another message
        self.reconnects = 0
        self.troubles = collections.Counter()         # what people met, by kind

    def name(self, place, key):
        with self.lock:
            if self.named.setdefault(place, key) != key:
                self.renamed.append((place, self.named[place], key))


def kind(trouble):
    """`reconnect` when the connection ended, or the server said that it ends it; else what was said."""
    if isinstance(trouble, smtplib.SMTPServerDisconnected | imaplib.IMAP4.abort | OSError) and not isinstance(
        trouble, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused
    ):
        return "reconnect"
    replies = trouble.recipients.values() if isinstance(trouble, smtplib.SMTPRecipientsRefused) else [
        (getattr(trouble, "smtp_code", 0), getattr(trouble, "smtp_error", str(trouble).encode()))
    ]
    if all(code == 421 for code, _ in replies):
        return "reconnect"
    return "; ".join(f"{code} {text.decode(errors='replace')[:80]}" for code, text in replies)


class Person(threading.Thread):
    """One loop of work that connects anew whenever its connection ends."""

    def __init__(self, platform, account, ledger, label, size):
        super().__init__(daemon=True)
        self.platform, self.account, self.ledger, self.label, self.size = platform, account, ledger, label, size
        self.stopping = threading.Event()
        self.turn = 0

    def run(self):
        while not self.stopping.is_set():
            try:
                self.work()
            except TROUBLE as trouble:
                with self.ledger.lock:
                    self.ledger.reconnects += 1
                    self.ledger.troubles[kind(trouble)] += 1
                self.stopping.wait(0.1)

    def next_letter(self, recipient):
        self.turn += 1
        key = f"{self.label}-{self.turn}"
        with self.ledger.lock:
            self.ledger.attempted += 1
        return key, letter(key, self.size, recipient)

    def keep(self, key):
        with self.ledger.lock:
            self.ledger.kept[self.account].add(key)


class Correspondent(Person):
    """Sends to the account from elsewhere."""

    def work(self):
        client = self.platform.smtp()
        with client:
            while not self.stopping.is_set():
                key, data = self.next_letter(self.account)
                client.sendmail("ann@elsewhere.test", [self.account], data)
                self.keep(key)


class Archivist(Person):
    """Puts messages into a folder by APPEND."""

    def work(self):
        client = self.platform.imap(self.account)
        while not self.stopping.is_set():
            key, data = self.next_letter(self.account)
            assert client.append("Archive", None, None, data)[0] == "OK"
            self.keep(key)


class Author(Person):
    """Submits messages that go to the account itself and out to another server."""

    def work(self):
        client = self.platform.submission(self.account)
        with client:
            while not self.stopping.is_set():
                key, data = self.next_letter(self.account)
                data = data.replace(b"ann@elsewhere.test", self.account.encode(), 1)
                outside = f"bob+{key}@outside.test"
                client.sendmail(self.account, [self.account, outside], data)
                self.keep(key)
                with self.ledger.lock:
                    self.ledger.sent.add((key, outside))
                self.stopping.wait(0.05)


class Clerk(Person):
    """Reads the inbox, flags some messages, files some and deletes some."""

    def work(self):
        client = self.platform.imap(self.account)
        status, _ = client.select("INBOX")
        assert status == "OK"
        validity = int(client.response("UIDVALIDITY")[1][0])
        while not self.stopping.is_set():
            for uid, key in self.some(client, validity):
                self.deal_with(client, uid, key)
            self.stopping.wait(0.05)

    def some(self, client, validity):
        _, answer = client.uid("SEARCH", "UNFLAGGED")
        uids = answer[0].split()[:20]
        if not uids:
            return []
        _, rows = client.uid("FETCH", b",".join(uids).decode(), "(UID BODY.PEEK[HEADER.FIELDS (X-KEY)])")
        found = []
        for row in rows:
            if not isinstance(row, tuple):
                continue
            uid = re.search(rb"UID (\d+)", row[0])[1].decode()
            key = re.search(rb"X-Key: (\S+)", row[1])[1].decode()
            self.ledger.name((self.account, "INBOX", validity, int(uid)), key)
            found.append((uid, key))
        return found

    def deal_with(self, client, uid, key):
        ledger, account = self.ledger, self.account
        assert client.uid("STORE", uid, "+FLAGS", "(\\Flagged)")[0] == "OK"
        with ledger.lock:
            ledger.flagged[account].add(key)
        choice = zlib.crc32(key.encode()) % 4
        if choice == 0:
            assert client.uid("MOVE", uid, "Kept")[0] == "OK"
        elif choice == 1:
            with ledger.lock:
                ledger.unsure[account].add(key)
            assert client.uid("STORE", uid, "+FLAGS.SILENT", "(\\Deleted)")[0] == "OK"
            assert client.uid("EXPUNGE", uid)[0] == "OK"
            with ledger.lock:
                ledger.removed[account].add(key)


class Findings:
    """What is there in the end, against what was acknowledged."""

    def __init__(self):
        self.acknowledged, self.lost, self.twice, self.damaged = 0, [], [], []
        self.undead, self.unflagged = [], []

    def look(self, platform, account, ledger):
        seen, flagged = collections.Counter(), set()
        for mailbox in FOLDERS:
            client = platform.imap(account)
            assert client.select(mailbox, readonly=True)[0] == "OK"
            validity = int(client.response("UIDVALIDITY")[1][0])
            _, rows = client.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
            for row in rows:
                if not isinstance(row, tuple):
                    continue
                key, is_whole = opened(row[1])
                seen[key] += 1
                if not is_whole:
                    self.damaged.append(key)
                if b"\\Flagged" in row[0]:
                    flagged.add(key)
                uid = int(re.search(rb"UID (\d+)", row[0])[1])
                ledger.name((account, mailbox, validity, uid), key)
            client.logout()
        gone = ledger.removed[account]
        maybe = ledger.unsure[account] - gone
        self.acknowledged += len(ledger.kept[account])
        self.lost += [key for key in ledger.kept[account] - gone - maybe if seen[key] == 0]
        self.twice += [key for key, count in seen.items() if count > 1]
        self.undead += [key for key in gone if seen[key]]
        self.unflagged += [key for key in ledger.flagged[account] - gone - maybe if key not in flagged]
