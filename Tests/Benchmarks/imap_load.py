"""Many IMAP clients at once: what each command takes, as the clients see it.

Used by cluster_bench.py; each client signs in with an account of its own over TLS and repeats a mix of SELECT, FETCH,
STORE, APPEND, SEARCH and IDLE with pauses between commands, and signs in anew now and then.
"""
import asyncio
import collections
import random
import re
import ssl
import time

LETTER = (
    b"From: ann@elsewhere.test\r\nTo: bob@bench.test\r\nSubject: Tea at %d\r\nMessage-ID: <%d.%d@elsewhere.test>\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n" + b"We meet for tea and talk about the garden.\r\n" * 90
)


class Client:
    def __init__(self, number, port, account, password, end, times, failures):
        self.number, self.port, self.account, self.password = number, port, account, password
        self.end, self.times, self.failures = end, times, failures
        self.random = random.Random(number)
        self.tag = 0
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    async def run(self):
        # People do not arrive all at once.
        await asyncio.sleep(self.random.uniform(0, 10))
        while time.monotonic() < self.end:
            try:
                await self.session()
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as trouble:
                self.failures[type(trouble).__name__] += 1
                await asyncio.sleep(1)

    async def session(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context, limit=1 << 22)
        await self.reader.readline()
        await self.command("LOGIN", f'LOGIN {self.account} "{self.password}"')
        await self.command("SELECT", "SELECT INBOX")
        for _ in range(30):
            if time.monotonic() > self.end:
                break
            await asyncio.sleep(self.random.uniform(0.5, 1.5))
            await self.random.choice(self.MIX)(self)
        await self.command("LOGOUT", "LOGOUT")
        self.writer.close()

    async def fetch_list(self):
        await self.command("FETCH list", "FETCH 1:50 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")

    async def fetch_body(self):
        await self.command("FETCH body", f"FETCH {self.random.randint(1, 20)} (BODY.PEEK[])")

    async def store(self):
        sign = self.random.choice("+-")
        await self.command("STORE", f"STORE {self.random.randint(1, 20)} {sign}FLAGS (\\Seen)")

    async def search(self):
        await self.command("SEARCH", "UID SEARCH UNSEEN SUBJECT tea")

    async def status(self):
        await self.command("STATUS", "STATUS Archive (MESSAGES UNSEEN UIDNEXT)")

    async def append(self):
        data = LETTER % (self.number, self.number, self.tag)
        await self.command("APPEND", f"APPEND INBOX {{{len(data)}}}", data)

    async def idle(self):
        started = time.monotonic()
        self.writer.write(b"i IDLE\r\n")
        while not (await self.line()).startswith(b"+"):
            pass
        self.times["IDLE"].append(time.monotonic() - started)
        await asyncio.sleep(self.random.uniform(1, 3))
        self.writer.write(b"DONE\r\n")
        await self.answer(b"i ")

    MIX = [fetch_list, fetch_list, fetch_body, fetch_body, store, search, status, append, idle]

    async def line(self):
        line = await asyncio.wait_for(self.reader.readline(), 30)
        if not line:
            raise ConnectionResetError
        return line

    async def answer(self, tag):
        while True:
            line = await self.line()
            if line.startswith(tag):
                return line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if literal:
                await asyncio.wait_for(self.reader.readexactly(int(literal[1])), 30)

    async def command(self, name, text, literal=None):
        self.tag += 1
        tag = b"a%d " % self.tag
        started = time.monotonic()
        self.writer.write(tag + text.encode() + b"\r\n")
        if literal is not None:
            while not (await self.line()).startswith(b"+"):
                pass
            self.writer.write(literal + b"\r\n")
        line = await self.answer(tag)
        self.times[name].append(time.monotonic() - started)
        if not line[len(tag):].startswith(b"OK"):
            self.failures[f"{name}: {line[len(tag):].decode(errors='replace').strip()}"] += 1


def drive(port, accounts, password, seconds):
    """Returns ({command: [seconds, ...]}, {failure: count})."""
    times, failures = collections.defaultdict(list), collections.Counter()

    async def all_of_them():
        end = time.monotonic() + seconds
        await asyncio.gather(*(
            Client(number, port, account, password, end, times, failures).run() for number, account in enumerate(accounts)
        ))

    asyncio.run(all_of_them())
    return times, failures


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(times):
    yield f"{'command':<12} {'count':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'max ms':>8}"
    everything = [value for values in times.values() for value in values]
    for name, values in [*sorted(times.items()), ("all", everything)]:
        numbers = (1000 * quantile(values, share) for share in (0.5, 0.95, 0.99, 1))
        yield f"{name:<12} {len(values):>7} " + " ".join(f"{number:>8.1f}" for number in numbers)
