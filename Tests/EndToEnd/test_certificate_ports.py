"""Certificates where clients meet them: every mail port by its own way into TLS, our listeners and servers of others."""
import contextlib
import pathlib
import shutil
import socket
import ssl
import sys
import tempfile
import threading

import pytest
from platform_process import ADMIN, ROOT, free_port, wait_until
from test_certificates import DOMAIN, OWNER, PASSWORD, Authority, token

HOST = "mail.example.test"
# Where the mail host leads to in tests of other servers: the platform listens at 127.0.0.1 with the same ports.
ELSEWHERE = "127.0.0.5"
one_machine = pytest.mark.one_machine("looks at servers of the test at the ports of one process")


def watching(dns, folder, address, **more):
    dns.publish(HOST, "A", address)
    return {
        "OONRUMAIL_RESOLVER": dns.address, "OONRUMAIL_RESOLVER_TIMEOUT": "3s", "OONRUMAIL_CERTIFICATE_CHECK_INTERVAL": "1s",
        "OONRUMAIL_CERTIFICATE_WEB_PORT": free_port(), "OONRUMAIL_CERTIFICATE_CA_FILE": folder / "ca.pem", **more,
    }


def root(platform):
    if not hasattr(platform, "root"):
        platform.root = token(platform, ADMIN)
    return platform.root


def seen(platform, host=HOST):
    """What was seen of the host, by port; None for the file."""
    found = platform.http("GET", f"/api/certificates/{host}", token=root(platform))[2]
    return {one.get("port"): one for one in found.get("certificates", [])}, found


def once_all_are_seen(platform):
    wait_until(lambda: seen(platform)[0] and "unknown" not in {one["status"] for one in seen(platform)[0].values()})
    return seen(platform)


MAIL = ("smtp", "submission", "submissions", "imap", "imaps")


@one_machine
def test_every_mail_port_of_ours_is_looked_at(dns, start_platform, tmp_path):
    authority = Authority(tmp_path)
    chain, key = authority.sign(HOST, 90)
    platform = start_platform(**watching(dns, tmp_path, "127.0.0.1", OONRUMAIL_TLS_CERTIFICATE=chain, OONRUMAIL_TLS_KEY=key))
    by_port, _ = once_all_are_seen(platform)
    expected = {None: "ok", **{platform.ports[name]: "ok" for name in MAIL}}
    assert {port: one["status"] for port, one in by_port.items() if port in expected} == expected
    assert len({one["key_sha256"] for port, one in by_port.items() if port in expected}) == 1
    # Nobody is at the web port: the worst is the state.
    _, whole = seen(platform)
    web = [port for port in by_port if port not in expected]
    assert whole["status"] == "unreachable" and whole["detail"].startswith(f"port {web[0]}: ")

    # A certificate that ends soon is told of once, with all its ports.
    soon, other = authority.sign(HOST, 5)
    for source, place in ((other, key), (soon, chain)):
        pathlib.Path(place).write_bytes(pathlib.Path(source).read_bytes())
    wait_until(lambda: all(seen(platform)[0][port]["status"] == "urgent" for port in expected))
    status, _, answer = platform.http("POST", f"/api/certificates/{HOST}/check", token=root(platform))
    ports = ", ".join(str(port) for port in sorted(port for port in expected if port))
    assert status == 200 and answer["status"] == "urgent" and answer["detail"] == f"file, ports {ports}: it ends within seven days"
    listed = platform.cli("certificate", "check", HOST, check=False)
    assert listed.returncode == 1 and f"urgent: file, ports {ports}: it ends within seven days" in listed.stdout
    wait_until(lambda: platform.messages(ADMIN))
    assert any(f"{HOST} (".encode() in text.replace(b"=\r\n", b"") for text in platform.messages(ADMIN))
    # Who looks takes leave: nothing of it is an error of ours.
    assert '"level":"error"' not in platform.log.read_text()


@one_machine
def test_listeners_that_are_off_are_not_looked_at(dns, start_platform, tmp_path):
    Authority(tmp_path)
    platform = start_platform(**watching(dns, tmp_path, "127.0.0.1", OONRUMAIL_SUBMISSION_PORT=0, OONRUMAIL_IMAP_PORT=0))
    by_port, _ = once_all_are_seen(platform)
    assert {platform.ports["smtp"], platform.ports["submissions"], platform.ports["imaps"], None} <= set(by_port)
    assert len(by_port) == 5 and 0 not in by_port


class Talker:
    """A server that answers lines with what a table says; `TLS` takes the connection there."""

    def __init__(self, port, greeting, answers, pair=None):
        self.greeting, self.answers, self.pair, self.heard = greeting, answers, pair, []
        self.listener = socket.create_server((ELSEWHERE, port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        peer.settimeout(20)
        with contextlib.suppress(OSError), peer:
            peer.sendall(self.greeting)
            pending = b""
            while octets := peer.recv(1000):
                pending += octets
                while b"\r\n" in pending:
                    line, pending = pending.split(b"\r\n", 1)
                    self.heard.append(line)
                    for start, answer in self.answers.items():
                        if line.startswith(start):
                            peer.sendall(answer[0])
                            if answer[1:]:
                                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                                context.load_cert_chain(*self.pair)
                                with context.wrap_socket(peer, server_side=True) as secure:
                                    while octets := secure.recv(1000):
                                        self.heard.append(octets.rstrip())
                                return

    def close(self):
        self.listener.close()


def smtp(ehlo=b"250-mail.example.test\r\n250 STARTTLS\r\n", ready=b"220 go\r\n", takes=True):
    return b"220 mail.example.test ESMTP\r\n", {b"EHLO": [ehlo], b"STARTTLS": [ready, "TLS"] if takes else [ready]}


def imap(capability=b"* CAPABILITY IMAP4rev1 STARTTLS\r\na OK\r\n", ready=b"b OK\r\n", takes=True):
    return b"* OK ready\r\n", {b"a CAPABILITY": [capability], b"b STARTTLS": [ready, "TLS"] if takes else [ready]}


@pytest.fixture
def elsewhere(dns, start_platform, tmp_path):
    """Starts servers of others where the mail host leads to, and the platform; gives what was seen."""
    authority, talkers = Authority(tmp_path), []
    pairs = {days: authority.sign(HOST, days) for days in (90, 5)}

    def start(*, smtp=None, submission=None, imap=None, days=None):
        ports = {name: free_port() for name in MAIL}
        made = {}
        for name, script in (("smtp", smtp), ("submission", submission), ("imap", imap)):
            if script:
                made[name] = Talker(ports[name], *script, pairs[(days or {}).get(name, 90)])
        talkers.extend(made.values())
        given = {f"OONRUMAIL_{name.upper()}_PORT": port for name, port in ports.items()}
        given["OONRUMAIL_TLS_CERTIFICATE"], given["OONRUMAIL_TLS_KEY"] = pairs[90]
        platform = start_platform(**watching(dns, tmp_path, ELSEWHERE, OONRUMAIL_CERTIFICATE_TIMEOUT="1s", **given))
        by_port, _ = once_all_are_seen(platform)
        return {name: by_port[port] for name, port in ports.items()}, made, platform

    yield start
    for one in talkers:
        one.close()



@one_machine
def test_each_port_has_a_certificate_of_its_own(elsewhere):
    found, made, platform = elsewhere(smtp=smtp(), submission=smtp(), imap=imap(), days={"submission": 5})
    assert {name: found[name]["status"] for name in ("smtp", "submission", "imap", "imaps")} == {
        "smtp": "ok", "submission": "urgent", "imap": "ok", "imaps": "unreachable"}
    assert found["smtp"]["key_sha256"] != found["submission"]["key_sha256"]
    port = platform.ports["submission"]
    assert seen(platform)[1]["detail"] == f"port {port}: it ends within seven days" and seen(platform)[1]["status"] == "urgent"
    # Servers are spoken to as they want it, and are left with a word.
    assert made["smtp"].heard[:3] == [b"EHLO mail.example.test", b"STARTTLS", b"QUIT"]
    assert made["imap"].heard[:3] == [b"a CAPABILITY", b"b STARTTLS", b"c LOGOUT"]


@one_machine
def test_a_server_without_starttls_has_a_state_of_its_own(elsewhere):
    found, _, platform = elsewhere(
        smtp=smtp(b"250-mail.example.test\r\n250 SIZE 1000\r\n"), submission=smtp(b"502 what is that\r\n"),
        imap=imap(b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\na OK\r\n"),
    )
    for name in ("smtp", "submission", "imap"):
        assert found[name]["status"] == "no_starttls" and found[name]["fault"] == "the server offers no STARTTLS"
        assert found[name].get("not_after") is None
    assert platform.metric('oonrumail_certificates{state="no_starttls"}') == 3
    port = platform.ports["smtp"]
    done = platform.cli("certificate", "check", HOST, "--port", str(port), check=False)
    assert done.returncode == 1 and f"no_starttls: port {port}" in done.stdout
    assert {one["port"] for one in platform.json("certificate", "list", "--status", "no_starttls")} == {
        platform.ports[name] for name in ("smtp", "submission", "imap")}


@one_machine
@pytest.mark.parametrize("scripts, reasons", [
    # In clear text after the reply: somebody sits between, or the server is confused.
    ((smtp(ready=b"220 go\r\n250 injected\r\n", takes=False), imap(ready=b"b OK\r\n* CAPABILITY IMAP4rev1\r\n", takes=False)), ("more before TLS",) * 2),
    ((smtp(ready=b"454 not now\r\n", takes=False), imap(ready=b"b NO not now\r\n", takes=False)), ("454 to STARTTLS", "NO to STARTTLS")),
    (((b"554 go away\r\n", {}), (b"* BYE full\r\n", {})), ("greets with 554", "turns clients away")),
    # Another protocol, silence, a flood.
    ((imap(), smtp()), ("speaks no SMTP", "speaks no IMAP")),
    (((b"", {}), (b"", {})), ("time limit",) * 2),
    ((((b"220-" + b"x" * 100 + b"\r\n") * 1_000, {}), (b"* OK ready\r\n" + b"* OK x\r\n" * 9_000, {})), ("", "")),
    # TLS that is none.
    ((smtp(takes=False), imap(takes=False)), ("", "")),
])
def test_servers_that_misbehave_are_unreachable_in_their_own_words(elsewhere, scripts, reasons):
    found, _, platform = elsewhere(smtp=scripts[0], imap=scripts[1])
    for name, reason in zip(("smtp", "imap"), reasons):
        assert found[name]["status"] == "unreachable" and reason in found[name]["fault"], found[name]
    assert platform.is_ready()


@one_machine
def test_a_name_at_a_standard_port_is_spoken_to_as_the_port_wants(dns, start_platform, tmp_path):
    """Nobody is there, and names below domains lead to public addresses or are not connected to."""
    Authority(tmp_path)
    platform = start_platform(**watching(dns, tmp_path, "127.0.0.1", OONRUMAIL_CERTIFICATE_HOSTS="mx.other.test:25,mx.other.test:143"))
    dns.publish("mx.other.test", "A", ELSEWHERE)
    platform.cli("domain", "add", DOMAIN, "--organisation", DOMAIN)
    platform.cli("account", "add", OWNER, "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    dns.publish(f"autoconfig.{DOMAIN}", "A", "127.0.0.1")
    wait_until(lambda: len(seen(platform, "mx.other.test")[0]) == 2)
    done = platform.cli("certificate", "check", "mx.other.test", check=False)
    assert done.returncode == 5 and "unreachable: port 25: no connection" in done.stdout and "; port 143: no connection" in done.stdout
    wait_until(lambda: seen(platform, f"autoconfig.{DOMAIN}")[1]["status"] == "refused")


@one_machine
def test_postfix_is_understood(dns, start_platform, tmp_path):
    sys.path.insert(0, str(ROOT / "Tests/Benchmarks"))
    from peers import Postfix

    authority = Authority(tmp_path)
    chain, key = authority.sign(HOST, 90)
    # Its processes give up root: they reach it from a folder that they may enter.
    parent = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
    parent.chmod(0o755)
    postfix = Postfix(parent / "postfix")
    master = postfix.conf / "master.cf"
    master.write_text(master.read_text() + "tlsmgr unix - - n 1000? 1 tlsmgr\n")
    (postfix.conf / "main.cf").open("a").write(
        f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {chain}\nsmtpd_tls_key_file = {key}\n")
    postfix.start()
    try:
        # The platform's own SMTP is elsewhere: at this port its settings see Postfix.
        given = watching(dns, tmp_path, "127.0.0.1", OONRUMAIL_SMTP_PORT=postfix.port, OONRUMAIL_SMTP_ADDRESS="127.0.0.9")
        platform = start_platform(**given)
        by_port, _ = once_all_are_seen(platform)
        assert by_port[postfix.port]["status"] == "ok" and by_port[postfix.port]["names"] == [HOST]
    finally:
        postfix.stop()
        shutil.rmtree(parent)


@one_machine
@pytest.mark.parametrize("speaks_tls", [True, False])
def test_dovecot_is_understood(dns, start_platform, tmp_path, speaks_tls):
    sys.path.insert(0, str(ROOT / "Tests/Benchmarks"))
    from peers import Dovecot

    chain, key = Authority(tmp_path).sign(HOST, 90)
    parent = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
    parent.chmod(0o755)
    dovecot = Dovecot(parent / "dovecot")
    if speaks_tls:
        text = dovecot.conf.read_text()
        assert "ssl = no\n" in text
        dovecot.conf.write_text(text.replace("ssl = no\n", f"ssl = yes\nssl_cert = <{chain}\nssl_key = <{key}\n"))
    dovecot.start()
    try:
        given = watching(dns, tmp_path, "127.0.0.1", OONRUMAIL_IMAP_PORT=dovecot.port, OONRUMAIL_IMAP_ADDRESS="127.0.0.9")
        by_port, _ = once_all_are_seen(start_platform(**given))
        assert by_port[dovecot.port]["status"] == ("ok" if speaks_tls else "no_starttls")
    finally:
        dovecot.stop()
        shutil.rmtree(parent)
