"""Programs of an organisation are told when a domain's DNS changes: signed, until they have taken it, and nothing inside is reached."""
import hashlib
import hmac
import json
import signal
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dns_server import LoopbackDNS
from platform_process import PASSWORD, wait_until
from test_people import Company

DOMAIN = "hook.test"


class Receiver:
    """Takes what is posted, as the first part of the path says: `ok`, `flaky/N` (N failures first), `status/N`, `hang`, `redirect`, `huge`, `cut`."""

    def __init__(self):
        self.taken, self.failures = [], {}
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.answer(self, body)

            def do_GET(self):
                outer.taken.append(("GET", self.path, {}, b""))
                self.send_error(405)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, http, body):
        what, *rest = http.path.strip("/").split("/")
        headers = {name.lower(): value for name, value in http.headers.items()}
        self.taken.append((what, http.path, headers, body))
        status, more, content = 204, {}, b""
        if what == "flaky":
            self.failures[http.path] = self.failures.get(http.path, 0) + 1
            status = 503 if self.failures[http.path] <= int(rest[0]) else 200
        elif what == "status":
            status = int(rest[0])
        elif what == "hang":
            self.release.wait(30)
        elif what == "redirect":
            status, more = 307, {"Location": f"{self.base}/ok"}
        elif what == "huge":
            status, content = 200, b"x" * (4 << 20)
        elif what == "cut":
            http.close_connection = True
            return
        try:
            http.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **more}.items():
                http.send_header(name, value)
            http.end_headers()
            http.wfile.write(content)
        except OSError:
            pass

    def events(self, path=None):
        return [(headers, body) for _, where, headers, body in self.taken if path is None or where == path]


def is_signed(headers, body, *secrets):
    """As a receiver checks it: every secret has signed, now."""
    parts = [part.split("=", 1) for part in headers["webhook-signature"].split(",")]
    at = next(value for name, value in parts if name == "t")
    codes = [value for name, value in parts if name == "v1"]
    wanted = [hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest() for secret in secrets]
    return codes == wanted and abs(time.time() - int(at)) < 300


@pytest.fixture(scope="module")
def dns():
    server = LoopbackDNS()
    yield server
    server.stop()


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def place(dns, tmp_path_factory):
    from conftest import Platform

    running = Platform(
        tmp_path_factory.mktemp("webhooks"), OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s",
        OONRUMAIL_DOMAIN_CHECK_INTERVAL="1s", OONRUMAIL_WEBHOOK_LOOPBACK_HTTP="true", OONRUMAIL_WEBHOOK_INTERVAL="100ms",
        OONRUMAIL_WEBHOOK_RETRY="200ms", OONRUMAIL_WEBHOOK_TIMEOUT="1s",
    ).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def company(place):
    return Company(place, DOMAIN)


@pytest.fixture
def hook(company):
    path = f"/api/organisations/{company.organisation}/webhook"
    company.ask("owner", "DELETE", path)
    yield path
    company.ask("owner", "DELETE", path)


def make(company, hook, url):
    status, made = company.ask("owner", "PUT", hook, {"url": url})
    assert status == 201, made
    return made["secret"]


changes = iter(range(1_000))


def change(dns, company):
    """Publishes or takes away a record, and looks: another state of the domain's DNS."""
    company.ask("owner", "GET", f"/api/domains/{company.domain}/dns")
    if next(changes) % 2 == 0:
        host = next(
            one["expected"] for one in company.ask("owner", "GET", f"/api/domains/{company.domain}/dns")[1]["records"] if one["purpose"] == "mx"
        )
        dns.publish(company.domain, "MX", host)
    else:
        dns.remove(company.domain)
    return company.ask("owner", "GET", f"/api/domains/{company.domain}/dns")[1]["status"]


def state(company, hook):
    return [(one["state"], one.get("status"), one.get("fault")) for one in company.ask("owner", "GET", hook + "/deliveries")[1]["deliveries"]]


def test_a_change_is_posted_with_a_signature_once(place, company, hook, receiver, dns):
    secret = make(company, hook, receiver.base + "/ok")
    change(dns, company)
    wait_until(lambda: receiver.taken)
    headers, body = receiver.events()[0]
    event = json.loads(body)
    assert is_signed(headers, body, secret) and headers["content-type"] == "application/json"
    assert not is_signed(headers, body + b" ", secret) and not is_signed(headers, body, "whsec_another")
    assert (event["type"], event["domain"], event["organisation_id"]) == ("domain.dns_changed", DOMAIN, company.organisation)
    assert event["id"] == headers["webhook-id"] and event["before"]["since"] <= event["now"]["since"] == event["at"]
    assert {"name", "type", "purpose", "status", "expected"} == set(event["records"][0])
    wait_until(lambda: state(company, hook) == [("delivered", 204, None)])
    change(dns, company)
    wait_until(lambda: len(receiver.taken) == 2)
    wait_until(lambda: state(company, hook) == [("delivered", 204, None)] * 2)
    ids = [headers["webhook-id"] for headers, _ in receiver.events()]
    assert len(set(ids)) == 2 == len(receiver.taken)
    assert place.metric("oonrumail_webhook_attempts_total") >= 2


def test_what_fails_is_sent_again_until_it_is_taken(company, hook, receiver, dns):
    make(company, hook, receiver.base + "/flaky/2")
    change(dns, company)
    wait_until(lambda: state(company, hook) == [("delivered", 200, None)])
    assert len(receiver.taken) == 3 and len({headers["webhook-id"] for headers, _ in receiver.events()}) == 1
    bodies = {body for _, body in receiver.events()}
    assert len(bodies) == 1
    delivery = company.ask("owner", "GET", hook + "/deliveries")[1]["deliveries"][0]
    assert delivery["attempts"] == 3 and "body" not in delivery and "next_attempt_at" not in delivery


@pytest.mark.parametrize("what, status, fault", [
    ("status/500", 500, "status"), ("status/404", 404, "status"), ("hang", None, "too_slow"), ("redirect", None, "redirected"), ("cut", None, "unreachable"),
])
def test_a_hostile_receiver_is_tried_again_and_harms_nobody(place, company, hook, receiver, dns, what, status, fault):
    make(company, hook, f"{receiver.base}/{what}")
    change(dns, company)
    wait_until(lambda: len(receiver.events(f"/{what}")) >= 2)
    wait_until(lambda: state(company, hook)[0][2] == fault)
    assert state(company, hook) == [("waiting", status, fault)]
    assert receiver.events("/ok") == [], "a redirect was followed"
    # Where it goes may be corrected: what waits goes there.
    assert company.ask("owner", "PUT", hook, {"url": receiver.base + "/huge"})[0] == 200
    wait_until(lambda: state(company, hook) == [("delivered", 200, None)], seconds=30)


def test_nothing_inside_is_reached(place, company, hook, dns):
    dns.publish("inside.hook.test", "A", "10.0.0.1")
    dns.publish("metadata.hook.test", "A", "169.254.169.254")
    for url in (
        "http://198.51.100.1/", "https://10.0.0.1/", "https://169.254.169.254/latest", "https://[fd00::1]/", "https://[64:ff9b::a00:1]/",
        "ftp://hook.test/", "https://user@hook.test/", "https://127.1/", "x", "https://hook.test/\r\nX: y", "https://" + "a" * 3_000,
    ):
        status, problem = company.ask("owner", "PUT", hook, {"url": url})
        assert (status, problem["errors"][0]["pointer"]) == (422, "#/url"), url
    for name in ("inside", "metadata", "nowhere"):
        status, _ = company.ask("owner", "PUT", hook, {"url": f"https://{name}.hook.test/"})
        assert status in (200, 201)
        result = company.ask("owner", "POST", hook + "/test")[1]
        assert result == {"ok": False, "fault": "name_unknown" if name == "nowhere" else "address_refused"}, name
    change(dns, company)
    company.ask("owner", "PUT", hook, {"url": "https://inside.hook.test/"})
    wait_until(lambda: state(company, hook)[:1] == [("waiting", None, "address_refused")])


def test_plain_http_to_this_machine_is_for_tests_only(start_platform, receiver):
    plain = start_platform()
    own = Company(plain, "plain-hook.test")
    for url in (receiver.base + "/ok", "https://127.0.0.1/", "http://localhost/"):
        assert own.ask("owner", "PUT", f"/api/organisations/{own.organisation}/webhook", {"url": url})[0] == 422


def test_the_secret_is_shown_once_and_rotates(place, company, hook, receiver):
    first = make(company, hook, receiver.base + "/ok")
    shown = company.ask("owner", "GET", hook)[1]
    assert "secret" not in shown and shown["url"].endswith("/ok")
    assert company.ask("owner", "POST", hook + "/test")[1] == {"ok": True, "status": 204}
    assert is_signed(*receiver.events()[-1], first) and json.loads(receiver.events()[-1][1])["type"] == "webhook.test"
    second = company.ask("owner", "POST", hook + "/rotate-secret")[1]["secret"]
    assert second != first
    company.ask("owner", "POST", hook + "/test")
    assert is_signed(*receiver.events()[-1], second, first)
    status, changed = company.ask("owner", "PUT", hook, {"url": receiver.base + "/ok?a=b"})
    assert status == 200 and "secret" not in changed
    headers = {"If-Match": '"v1"'}
    assert place.http("PUT", hook, {"url": receiver.base}, company.tokens["owner"], headers)[0] == 412
    events = company.ask("owner", "GET", "/api/audit?action=webhook&limit=100")[1]["events"]
    assert {"webhook.set", "webhook.rotate"} <= {one["action"] for one in events}
    for secret in (first, second):
        assert all(secret not in json.dumps(one) for one in events)
        assert all(secret not in log.read_text(errors="replace") for log in place.logs)


def test_others_do_not_see_it(place, company, hook, receiver):
    make(company, hook, receiver.base + "/ok")
    stranger = Company(place, "hook-stranger.test")
    for method, path, body in [
        ("GET", hook, None), ("PUT", hook, {"url": receiver.base}), ("DELETE", hook, None), ("POST", hook + "/test", None),
        ("POST", hook + "/rotate-secret", None), ("GET", hook + "/deliveries", None),
    ]:
        assert stranger.ask("owner", method, path, body)[0] == 404, path
        assert company.ask("member", method, path, body)[0] == 403, path
        assert place.http(method, path, body)[0] == 401, path
    assert company.ask("admin", "GET", hook)[0] == 200
    assert receiver.taken == []
    own = f"/api/organisations/{stranger.organisation}/webhook"
    assert stranger.ask("owner", "GET", own)[0] == 404 and stranger.ask("owner", "POST", own + "/test")[0] == 404
    make(stranger, own, receiver.base + "/ok")
    assert [stranger.ask("owner", "POST", own + "/test")[0] for _ in range(11)] == [200] * 10 + [429]


def test_an_event_outlives_the_process(place, company, hook, receiver, dns):
    make(company, hook, receiver.base + "/status/500")
    change(dns, company)
    wait_until(lambda: len(receiver.taken) >= 1)
    place.restart(signal.SIGKILL)
    company.tokens["owner"] = company.login(f"owner@{DOMAIN}")
    assert company.ask("owner", "PUT", hook, {"url": receiver.base + "/ok"})[0] == 200
    # Whoever was killed while it sent has the event until its lease ends.
    wait_until(lambda: receiver.events("/ok"), seconds=60)
    assert receiver.events("/ok")[0][0]["webhook-id"] == receiver.events("/status/500")[0][0]["webhook-id"]
    wait_until(lambda: state(company, hook) == [("delivered", 204, None)])
    assert len(receiver.events("/ok")) == 1


def test_an_event_is_given_up_in_the_end(start_platform, receiver, dns):
    short = start_platform(
        OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s", OONRUMAIL_WEBHOOK_LOOPBACK_HTTP="true",
        OONRUMAIL_WEBHOOK_INTERVAL="50ms", OONRUMAIL_WEBHOOK_RETRY="100ms", OONRUMAIL_WEBHOOK_GIVE_UP="1s",
    )
    own = Company(short, "short-hook.test")
    path = f"/api/organisations/{own.organisation}/webhook"
    make(own, path, receiver.base + "/status/500")
    change(dns, own)
    change(dns, own)
    wait_until(lambda: {one[0] for one in state(own, path)} == {"failed"}, seconds=30)
    count = len(receiver.taken)
    assert count >= 2 and state(own, path)[0] == ("failed", 500, "status")


@pytest.mark.one_machine("looks into the file of the store")
def test_secrets_lie_sealed_and_are_sealed_anew(place, company, hook, receiver):
    secret = make(company, hook, receiver.base + "/ok")
    with sqlite3.connect(f"file:{place.data}/oonrumail.sqlite?mode=ro", uri=True) as store:
        (sealed,) = store.execute("SELECT sealed_secret FROM webhooks WHERE organisation_id = ?", (company.organisation,)).fetchone()
    assert secret.encode() not in sealed
    place.cli("master-key", "rotate")
    resealed = {column["column"]: column["resealed"] for column in place.json("master-key", "reseal")["columns"]}
    assert resealed["webhooks.sealed_secret"] >= 1
    place.cli("master-key", "retire")
    assert company.ask("owner", "POST", hook + "/test")[1] == {"ok": True, "status": 204}
    assert is_signed(*receiver.events()[-1], secret)


def test_the_command_line_does_the_same(place, company, hook, receiver):
    number = str(company.organisation)
    made = place.json("webhook", "set", number, receiver.base + "/ok")
    assert made["secret"].startswith("whsec_") and "secret" not in place.json("webhook", "show", number)
    assert place.json("webhook", "test", number) == {"ok": True, "status": 204}
    assert is_signed(*receiver.events()[-1], made["secret"])
    rotated = place.json("webhook", "rotate-secret", number)["secret"]
    assert rotated != made["secret"]
    assert place.cli("webhook", "set", number, "http://example.org/", check=False).returncode == 1
    place.cli("webhook", "set", number, receiver.base + "/status/418")
    failed = place.cli("webhook", "test", number, check=False)
    assert failed.returncode == 1 and "418" in failed.stdout
    assert place.json("webhook", "deliveries", number) == []
    place.cli("webhook", "remove", number)
    assert place.cli("webhook", "show", number, check=False).returncode == 3
