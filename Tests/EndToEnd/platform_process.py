"""Starts the real executable on free loopback ports with a store of its own, and speaks to it as clients do."""
import imaplib
import json
import os
import pathlib
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts/cluster"))

from ports import free_port  # noqa: E402

EXECUTABLE = pathlib.Path(os.environ.get("OONRUMAIL_EXECUTABLE", ROOT / ".build/debug/oonrumail"))
ADMIN = "admin@example.test"
PASSWORD = "correct horse battery staple"
DOMAIN = "example.test"

imaplib._MAXLINE = 50_000_000


def wait_until(condition, seconds=60, every=0.02):
    """Polls `condition` until it gives something true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {seconds} s: {condition}")
        time.sleep(every)


def any_certificate():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Platform:
    """One running `oonrumail serve`."""

    def __init__(self, folder, **settings):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.ports = {
            name: int(settings.get(f"OONRUMAIL_{name.upper()}_PORT") or free_port())
            for name in ("smtp", "submission", "submissions", "imap", "imaps", "http")
        }
        self.settings = {
            "OONRUMAIL_DATA": str(self.data),
            "OONRUMAIL_HOSTNAME": "mail.example.test",
            "OONRUMAIL_BOOTSTRAP_ADMIN": ADMIN,
            "OONRUMAIL_BOOTSTRAP_PASSWORD": PASSWORD,
            # All tests ask from one address.
            "OONRUMAIL_HTTP_RATE_ACCOUNT": "0",
            "OONRUMAIL_HTTP_RATE_ADDRESS": "0",
            "OONRUMAIL_PASSWORD_RESET_REQUESTS": "100000",
            "OONRUMAIL_REGISTRATION_REQUESTS": "100000",
            "OONRUMAIL_CLIENT_REGISTRATION_REQUESTS": "100000",
            "OONRUMAIL_OIDC_ISSUER": f"http://127.0.0.1:{self.ports['http']}",
            **{f"OONRUMAIL_{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
            **{name: str(value) for name, value in settings.items()},
        }
        self.process = None
        self.log = self.folder / "server.log"

    @property
    def environment(self):
        base = {name: value for name, value in os.environ.items() if not name.startswith("OONRUMAIL_")}
        return {**base, **self.settings}

    @property
    def issuer(self):
        return self.settings["OONRUMAIL_OIDC_ISSUER"]

    @property
    def pids(self):
        """Every process of ours."""
        return [self.process.pid]

    def metric(self, name):
        """The sum over all processes and labels."""
        return sum(
            float(line.split()[-1]) for port in self.http_ports for line in self._metrics(port) if line.startswith(name)
        )

    @property
    def http_ports(self):
        return [self.ports["http"]]

    @property
    def logs(self):
        """Files that the processes log to."""
        return [self.log]

    @staticmethod
    def _metrics(port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            return answer.read().decode().splitlines()

    @property
    def spools(self):
        """Every folder that messages lie in while they come in."""
        return [self.data / "spool"]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [EXECUTABLE, "serve"], cwd=self.folder, env=self.environment, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL,
            )
        wait_until(self.is_ready, seconds=60)
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log.read_text()[-3000:]}")
        try:
            return self.http("GET", "/ready")[0] == 200
        except OSError:
            return False

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(how)
        code = self.process.wait(timeout=40)
        self.process = None
        return code

    def restart(self, how=signal.SIGTERM):
        code = self.stop(how)
        self.start()
        return code

    def cli(self, *arguments, stdin=None, check=True):
        done = subprocess.run(
            [EXECUTABLE, *arguments], cwd=self.folder, env=self.environment, text=True, capture_output=True, input=stdin,
            timeout=120,
        )
        if check:
            assert done.returncode == 0, f"{arguments}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments):
        return json.loads(self.cli(*arguments, "--json").stdout)

    def add_account(self, address, password=PASSWORD):
        domain = address.split("@")[1]
        self.cli("domain", "add", domain, check=False)
        self.cli("account", "add", address, "--password-stdin", stdin=password + "\n")
        return address

    def smtp(self, **options):
        return smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=30, **options)

    def submission(self, user=ADMIN, password=PASSWORD):
        client = smtplib.SMTP("127.0.0.1", self.ports["submission"], timeout=60)
        client.starttls(context=any_certificate())
        if user:
            client.login(user, password)
        return client

    def imap(self, user=ADMIN, password=PASSWORD):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.ports["imaps"], ssl_context=any_certificate(), timeout=60)
        if user and user.isascii():
            client.login(user, password)
        elif user:
            # imaplib's LOGIN speaks ASCII only before UTF8=ACCEPT.
            client.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        return client

    def http(self, method, path, body=None, token=None, headers=None):
        """Status, headers and decoded body."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports['http']}{path}", method=method, headers=headers or {})
        request.add_header("Accept", "application/json")
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            answer = urllib.request.urlopen(request, data=data, timeout=20)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            content = answer.read()
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return answer.status, answer.headers, json.loads(content) if is_json and content else content

    def messages(self, user=ADMIN, mailbox="INBOX", password=PASSWORD):
        """Every message of a mailbox as bytes, in order."""
        client = self.imap(user, password)
        try:
            status, _ = client.select(mailbox, readonly=True)
            assert status == "OK"
            _, rows = client.fetch("1:*", "(BODY.PEEK[])")
            return [row[1] for row in rows if isinstance(row, tuple)]
        finally:
            client.logout()


def raw_conversation(port, script, tls=False, seconds=10):
    """Sends bytes and reads what comes, for clients that misbehave.

    `script` is a list: bytes are sent, integers wait for a reply line that starts with that code, None reads to the end.
    Returns everything that was read.
    """
    plain = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    peer = any_certificate().wrap_socket(plain) if tls else plain
    read = b""
    pending = b""
    with peer:
        for step in script:
            if isinstance(step, bytes):
                peer.sendall(step)
                continue
            while True:
                done = False
                while step is not None and b"\n" in pending:
                    line, pending = pending.split(b"\n", 1)
                    if line[:4] == b"%d " % step or line.rstrip() == b"%d" % step:
                        done = True
                        break
                    assert line[3:4] == b"-" or line[:3].isdigit() is False, f"expected {step}, got {line!r}"
                if done:
                    break
                try:
                    chunk = peer.recv(65536)
                except ConnectionResetError:
                    chunk = b""
                read += chunk
                pending += chunk
                if not chunk:
                    assert step is None, f"closed while waiting for {step}: {read[-300:]!r}"
                    break
    return read
