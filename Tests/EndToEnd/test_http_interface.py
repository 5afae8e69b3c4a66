"""What the HTTP interface does whatever its routes are: conditions, keys, rates, lists, hostile tokens and slow clients."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import socket
import time
import urllib.error
import urllib.request
import uuid

import pytest
from platform_process import ADMIN, PASSWORD

HOSTILE = [
    "a\r\nX-Injected: yes", "a\nb", "a\rb", "a\0b", 'a"\u0301b', "<\u0301script>", "\r\n\r\n<b>", "\u2028x", "\ud83d\ude00" * 3, "a\u0301" * 4,
    "\x1b[31mred", "%0d%0aX: y", "../../etc", "'; DROP TABLE accounts; --", "x" * 5_000,
]


def sign_in(platform, user=ADMIN, password=PASSWORD):
    status, _, body = platform.http("POST", "/api/auth/login", {"email": user, "password": password})
    assert status == 200, body
    return body


def ask(platform, method, path, body=None, token=None, **headers):
    """As `platform.http`, with header fields of one's own."""
    request = urllib.request.Request(f"http://127.0.0.1:{platform.ports['http']}{path}", method=method)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    data = None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        answer = urllib.request.urlopen(request, data=data, timeout=30)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        content = answer.read()
    return answer.status, answer.headers, json.loads(content) if content and "json" in (answer.headers["Content-Type"] or "") else content


@pytest.fixture(scope="module")
def token(platform):
    return sign_in(platform)["access_token"]


@pytest.fixture(scope="module")
def owner(platform):
    platform.cli("domain", "add", "interface.test", "--organisation", "Interface")
    platform.cli("account", "add", "owner@interface.test", "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    return sign_in(platform, "owner@interface.test")["access_token"]


# Conditions


def test_what_one_has_is_not_sent_again(platform, owner):
    for path in ("/api/users/me", "/api/domains/interface.test", "/api/domains", "/api/domains/interface.test/dkim"):
        status, headers, _ = ask(platform, "GET", path, token=owner)
        assert status == 200 and headers["ETag"].startswith('"'), path
        status, again, content = ask(platform, "GET", path, token=owner, If_None_Match=headers["ETag"])
        assert (status, content) == (304, b"") and again["ETag"] == headers["ETag"], path
        assert again["X-Request-ID"] and again["X-Content-Type-Options"] == "nosniff"


def test_only_what_was_read_is_deleted(platform, owner):
    made = ask(platform, "POST", "/api/domains", {"name": "gone.interface.test"}, owner)
    assert made[0] == 201
    path = "/api/domains/gone.interface.test"
    tag = ask(platform, "GET", path, token=owner)[1]["ETag"]
    # The challenge is another one now, so the tag is.
    assert ask(platform, "POST", f"{path}/challenge", token=owner)[0] == 200
    status, _, problem = ask(platform, "DELETE", path, token=owner, If_Match=tag)
    assert status == 412 and problem["type"] == "/problems/precondition-failed"
    tag = ask(platform, "GET", path, token=owner)[1]["ETag"]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: ask(platform, "DELETE", path, token=owner, If_Match=tag)[0], range(6)))
    assert sorted(statuses) == [204] + [404] * 5
    # Another organisation's is not there, whatever the condition.
    assert ask(platform, "DELETE", "/api/domains/example.test", token=owner, If_Match="*")[0] == 404


# Idempotency


def test_a_request_sent_many_times_is_done_once_and_its_secret_comes_again(platform, owner):
    key = str(uuid.uuid4())
    body = {"name": "Telephone", "scopes": ["imap"]}

    def send(_):
        return ask(platform, "POST", "/api/users/me/app-passwords", body, owner, Idempotency_Key=f'"{key}"')

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {status for status, _, _ in answers} <= {201, 409}
    for status, headers, problem in answers:
        if status == 409:
            assert problem["type"] == "/problems/request-running" and headers["Retry-After"]
    again = send(0)
    assert again[0] == 201 and again[1]["Idempotency-Replayed"] == "true"
    passwords = {answer["password"] for status, _, answer in answers + [again] if status == 201}
    assert len(passwords) == 1
    listed = ask(platform, "GET", "/api/users/me/app-passwords", token=owner)[2]["app_passwords"]
    assert [one["name"] for one in listed] == ["Telephone"] and "password" not in listed[0]
    other = ask(platform, "POST", "/api/users/me/app-passwords", {"name": "Other"}, owner, Idempotency_Key=key)
    assert other[0] == 422 and other[2]["type"] == "/problems/idempotency-key-reused"
    # A refusal is not kept.
    key = str(uuid.uuid4())
    assert ask(platform, "POST", "/api/users/me/app-passwords", {"name": ""}, owner, Idempotency_Key=key)[0] == 422
    assert ask(platform, "POST", "/api/users/me/app-passwords", {"name": "Desk"}, owner, Idempotency_Key=key)[0] == 201


# Lists


def test_lists_are_walked_by_their_links(platform, owner):
    names = [f"l{number}.interface.test" for number in range(5)]
    for name in names:
        assert ask(platform, "POST", "/api/domains", {"name": name}, owner)[0] == 201

    def walk(query):
        found, place = [], f"/api/domains?{query}"
        while place:
            status, headers, page = ask(platform, "GET", place, token=owner)
            assert status == 200, page
            found += [domain["name"] for domain in page["domains"]]
            link = headers["Link"]
            assert (link is None) == ("next" not in page)
            place = link and link.split(">")[0][1:]
        return found

    assert walk("limit=2&name=l&status=pending") == names
    assert walk("limit=2&name=l&sort=-name") == names[::-1]
    assert walk("limit=4&name=l&sort=created_at") == names
    assert walk("limit=500") == sorted(["interface.test"] + names)
    for query in ("sort=colour", "limit=0", "status=blue", "after=" + "x" * 1_001, "sort=created_at&after=name,1"):
        status, _, problem = ask(platform, "GET", f"/api/domains?{query}", token=owner)
        assert status == 400 and problem["type"] == "/problems/bad-request", query


# Rates


@pytest.mark.one_machine("settings of its own")
def test_rates_are_told_and_kept(start_platform):
    platform = start_platform(OONRUMAIL_HTTP_RATE_ACCOUNT=5, OONRUMAIL_HTTP_RATE_ADDRESS=40)
    token = sign_in(platform)["access_token"]
    seen = []
    for _ in range(7):
        status, headers, _ = ask(platform, "GET", "/api/users/me", token=token)
        seen.append(status)
        policies = headers["RateLimit-Policy"].split(", ")
        assert policies == ['"address";q=40;w=60', '"account";q=5;w=60']
    # A window may have turned meanwhile.
    assert seen[:5] == [200] * 5 and 429 in seen
    if status == 429:
        assert 1 <= int(headers["Retry-After"]) <= 60 and '"account";r=0' in headers["RateLimit"]
    statuses = [ask(platform, "GET", "/problems")[0] for _ in range(90)]
    assert 429 in statuses
    assert platform.http("GET", "/health")[0] == 200 and platform.http("GET", "/ready")[0] == 200


@pytest.mark.one_machine("measures one process")
def test_a_storm_of_sign_ins_leaves_the_rest_responsive(start_platform):
    """Passwords are hashed by a bounded number of threads of their own."""
    # No address is locked out meanwhile: every attempt is a hash.
    platform = start_platform(OONRUMAIL_LOCKOUT_FAILURES_PER_ADDRESS=100_000)
    token = sign_in(platform)["access_token"]

    def storm(number):
        return ask(platform, "POST", "/api/auth/login", {"email": f"storm{number}@storm.test", "password": "wrong horse"})[0]

    times = []
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        running = [pool.submit(storm, number) for number in range(120)]
        while not all(one.done() for one in running):
            began = time.monotonic()
            assert ask(platform, "GET", "/api/users/me", token=token)[0] == 200
            times.append(time.monotonic() - began)
    assert {one.result() for one in running} <= {401, 429, 503}
    times.sort()
    # Far below what the queue of hashes takes; the machine runs other tests meanwhile.
    assert len(times) >= 5 and times[len(times) // 2] < 0.5, times


# Tokens


def encoded(value):
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()


def test_tokens_that_are_not_ours_open_nothing(platform, token):
    from nacl.signing import SigningKey

    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    keys = ask(platform, "GET", "/.well-known/jwks.json")[2]["keys"]
    public = base64.urlsafe_b64decode(keys[0]["x"] + "==")
    stranger = SigningKey.generate()

    def signed(header, claims, key=stranger):
        text = f"{encoded(header)}.{encoded(claims)}".encode()
        return f"{text.decode()}.{encoded(key.sign(text).signature)}"

    def by_hmac(algorithm):
        text = f"{encoded({**header, 'alg': algorithm})}.{payload}".encode()
        return f"{text.decode()}.{encoded(hmac.new(public, text, hashlib.sha256).digest())}"

    jwk = {"kty": "OKP", "crv": "Ed25519", "x": encoded(bytes(stranger.verify_key))}
    tokens = {
        "another key": signed(header, claims),
        "another key that comes with it": signed({**header, "jwk": jwk}, claims),
        "a key at another place": signed({**header, "jku": "http://127.0.0.1:1/keys"}, claims),
        "a path for a key": signed({**header, "kid": "../../dev/null"}, claims),
        "no key named": signed({"alg": "EdDSA", "typ": "JWT"}, claims),
        "none": f"{encoded({**header, 'alg': 'none'})}.{payload}.",
        "nOnE": f"{encoded({**header, 'alg': 'nOnE'})}.{payload}.{signature}",
        "the public key as a secret": by_hmac("HS256"),
        "a longer life": f"{head}.{encoded({**claims, 'exp': claims['exp'] + 1})}.{signature}",
        "another audience": signed(header, {**claims, "aud": "elsewhere"}),
        "expired": signed(header, {**claims, "exp": 1}),
        "empty signature": f"{head}.{payload}.",
        "twice": f"{token}.{signature}",
        "a padding": f"{token}==",
        "a letter with a mark": f"{head}\u0301.{payload}.{signature}".encode().decode("latin-1"),
        "huge": "a" * 9_000,
    }
    for name, forged in tokens.items():
        status, headers, problem = ask(platform, "GET", "/api/users/me", token=forged)
        assert status == 401 and problem["type"] == "/problems/unauthenticated", name
        assert headers["WWW-Authenticate"].startswith("Bearer"), name
    assert ask(platform, "GET", "/api/users/me", token=token)[0] == 200


@pytest.mark.one_machine("settings of its own")
def test_a_token_of_another_platform_is_none(platform, start_platform):
    other = start_platform()
    tokens = sign_in(platform)
    assert ask(other, "GET", "/api/users/me", token=tokens["access_token"])[0] == 401
    assert ask(platform, "GET", "/api/users/me", token=sign_in(other)["access_token"])[0] == 401
    assert ask(platform, "GET", "/api/users/me", token=tokens["access_token"])[0] == 200
    # Each kind of token opens its own door only.
    assert ask(platform, "GET", "/api/users/me", token=tokens["refresh_token"])[0] == 401
    assert ask(platform, "POST", "/api/auth/refresh", {"refresh_token": tokens["access_token"]})[0] == 401


# Texts


def test_hostile_texts_stay_texts(platform, owner):
    for number, text in enumerate(HOSTILE):
        tries = [
            ("POST", "/api/domains", {"name": text}), ("POST", "/api/domains/interface.test/accounts", {"email": f"{text}@interface.test", "password": PASSWORD}),
            ("POST", "/api/domains/interface.test/accounts", {"email": f"h{number}@interface.test", "password": PASSWORD, "display_name": text}),
            ("POST", "/api/users/me/app-passwords", {"name": text}), ("POST", "/api/auth/login", {"email": text, "password": text}),
            ("POST", "/api/auth/refresh", {"refresh_token": text}), ("POST", "/api/auth/second-factor", {"challenge": text, "code": text}),
            ("POST", "/api/domains/interface.test/dkim", {"algorithm": text}), ("POST", "/api/domains", {text: "x"}),
        ]
        for method, path, body in tries:
            status, headers, answer = ask(platform, method, path, body, owner)
            assert status < 500, (path, text, answer)
            assert headers["X-Injected"] is None and headers["X"] is None, (path, text)
            assert headers["Content-Type"] in ("application/json", "application/problem+json"), (path, text)
        quoted = urllib.request.quote(text.encode("utf-8", "surrogatepass"))[:2_000]
        for path in (f"/api/domains/{quoted}", f"/api/domains?after={quoted}", f"/api/audit?actor={quoted}", f"/mail/config.mobileconfig?emailaddress={quoted}@x.test"):
            status, headers, _ = ask(platform, "GET", path, token=owner, User_Agent="x")
            assert status < 500 and headers["X-Injected"] is None and headers["X"] is None, (path, text)
    log = platform.log.read_text(errors="replace") if hasattr(platform, "log") else ""
    assert "\nX-Injected" not in log and "\x1b[31m" not in log


def test_the_path_and_the_body_agree_or_nothing_is_done(platform, owner):
    for email in ("x@example.test", "x@INTERFACE.test.evil.test", "x@interface.test@example.test", "x@sub.interface.test"):
        status, _, problem = ask(platform, "POST", "/api/domains/interface.test/accounts", {"email": email, "password": PASSWORD}, owner)
        assert status == 422 and problem["errors"][0]["pointer"] == "#/email", email
    # Neither the host that was asked nor where a proxy says it was decides whose domain it is.
    for field in ("Host", "X_Forwarded_Host", "X_Original_URL", "X_Rewrite_URL", "X_HTTP_Method_Override"):
        status, _, _ = ask(platform, "GET", "/api/domains/example.test", token=owner, **{field: "interface.test"})
        assert status == 404, field


# Limits of the connection


def conversation(port, octets, seconds=10):
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as peer:
        peer.sendall(octets)
        read = b""
        try:
            while True:
                chunk = peer.recv(65_536)
                if not chunk:
                    return read
                read += chunk
        except (ConnectionResetError, socket.timeout):
            return read


def test_large_deep_and_broken_bodies_are_refused(platform, owner):
    deep = b'{"name":' + b"[" * 200_000
    wide = b'{"name":"' + b"x" * (2 << 20) + b'"}'
    numbers = b'{"name":"x.interface.test","organisation_id":' + b"9" * 5_000 + b"}"
    twice = b'{"name":"one.interface.test","name":"two.interface.test"}'
    assert ask(platform, "POST", "/api/domains", deep, owner)[0] == 400
    try:
        assert ask(platform, "POST", "/api/domains", wide, owner)[0] == 413
    except (BrokenPipeError, ConnectionResetError, urllib.error.URLError):
        # It answered, and read no more of what was being sent.
        pass
    assert ask(platform, "POST", "/api/domains", numbers, owner)[0] in (400, 422)
    assert ask(platform, "POST", "/api/domains", twice, owner)[0] in (201, 400, 422)
    for body in (b"\xff\xfe", b'{"name":"\xc3\x28"}', b'{"name":"\\ud800"}', b"null", b'"x"', b"\xef\xbb\xbf{}"):
        assert ask(platform, "POST", "/api/domains", body, owner)[0] in (400, 422), body


def test_large_and_ambiguous_heads_are_refused(platform):
    port = platform.ports["http"]
    large = conversation(port, b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n")
    assert large == b"" or large.split()[1] in (b"400", b"431")
    many = conversation(port, b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 2_000 + b"\r\n")
    assert many == b"" or many.split()[1] in (b"400", b"431")
    for smuggled in (
        b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcdGET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", b"GET /health\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    ):
        answer = conversation(port, smuggled, seconds=3)
        assert b" 200 " not in answer.split(b"\r\n")[0], smuggled
        assert answer.count(b"HTTP/1.1 200") == 0, smuggled


@pytest.mark.one_machine("settings of its own")
def test_slow_clients_are_ended_and_hold_up_nobody(start_platform):
    platform = start_platform(OONRUMAIL_HTTP_IDLE_TIMEOUT="2s", OONRUMAIL_HTTP_BODY_TIMEOUT="2s")
    port = platform.ports["http"]
    heads = [
        b"GET /api/users/me HTTP/1.1\r\nHost: x\r\nX-A: ",
        b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{",
    ]
    peers = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(40)]
    for number, peer in enumerate(peers):
        peer.sendall(heads[number % 2])
    began = time.monotonic()
    ended = [False] * len(peers)
    while not all(ended):
        assert time.monotonic() - began < 15, ended
        assert platform.http("GET", "/health")[0] == 200
        for number, peer in enumerate(peers):
            if ended[number]:
                continue
            try:
                peer.setblocking(False)
                ended[number] = peer.recv(1_000) == b""
            except BlockingIOError:
                pass
            except OSError:
                ended[number] = True
            try:
                peer.send(b"x")
            except OSError:
                pass
        time.sleep(0.1)
    for peer in peers:
        peer.close()
