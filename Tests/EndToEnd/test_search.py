"""Search by an index in OpenSearch (its stand-in): what is found, what is not, and what happens while it is away."""
import urllib.parse

import pytest
from platform_process import PASSWORD, wait_until
from search_server import SearchServer


@pytest.fixture(scope="module")
def server():
    running = SearchServer()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def searched(server, tmp_path_factory):
    from conftest import Platform

    running = Platform(tmp_path_factory.mktemp("searched"), OONRUMAIL_SEARCH_INTERVAL="100ms", **server.settings).start()
    yield running
    running.stop()


def letter(subject, text, to, sender="Zoë Weiß <zoe@elsewhere.test>", more=""):
    return f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n{more}\r\n{text}\r\n".encode()


def put(platform, to, subject, text, mailbox="INBOX", **options):
    with platform.imap(to) as client:
        assert client.append(mailbox, None, None, letter(subject, text, to, **options))[0] == "OK"


def token_of(platform, address):
    return platform.http("POST", "/api/auth/login", {"email": address, "password": PASSWORD})[2]["access_token"]


def find(platform, token, **query):
    status, headers, body = platform.http("GET", f"/api/search?{urllib.parse.urlencode(query)}", token=token)
    assert status == 200, body
    return body


def subjects(platform, token, **query):
    return [message["subject"] for message in find(platform, token, **query)["messages"]]


def failed_checks(platform):
    """Of whichever replica answers; each looks for itself, and not at every request."""
    health = platform.http("GET", "/health/storage")[2]
    return [check["name"] for check in health["checks"] if check["status"] != "ok" and health["status"] == "degraded"]


def test_words_are_found_in_text_header_and_names_of_files(searched):
    to = searched.add_account("finder@search.test")
    put(searched, to, "Harbour plans", "The lighthouse needs paint.")
    put(
        searched, to, "Drawings", "see the file", more="MIME-Version: 1.0\r\nContent-Type: application/pdf; name=x\r\n"
        "Content-Disposition: attachment; filename=\"lighthouse-north.pdf\"\r\n",
    )
    put(searched, to, "Other", "<b>not</b> that", more="Content-Type: text/html\r\n")
    token = token_of(searched, to)
    wait_until(lambda: subjects(searched, token, q="lighthouse") == ["Drawings", "Harbour plans"])
    assert subjects(searched, token, q="paint lighthouse") == ["Harbour plans"]
    assert subjects(searched, token, q="harb") == ["Harbour plans"]
    assert subjects(searched, token, q="lighthouse", has_attachment="true") == ["Drawings"]
    assert subjects(searched, token, **{"from": "zoë"}, subject="other") == ["Other"]
    assert subjects(searched, token, q="b") == []
    assert subjects(searched, token, until="2001-01-01T00:00:00Z") == []
    assert len(subjects(searched, token)) == 3
    place = find(searched, token, q="paint")["messages"][0]["places"]
    assert place == [{"mailbox": "INBOX", "uid": 1, "is_seen": False, "is_flagged": False}]


def test_pages_hang_together(searched):
    to = searched.add_account("pages@search.test")
    for number in range(7):
        put(searched, to, f"Page {number}", "the same words", mailbox="INBOX" if number % 2 else "Archive")
    token = token_of(searched, to)
    wait_until(lambda: len(subjects(searched, token, q="same")) == 7)
    for order in ("newest", "relevance"):
        seen, after = [], None
        while True:
            page = find(searched, token, q="same words", limit=2, sort=order, **({"after": after} if after else {}))
            seen += [message["subject"] for message in page["messages"]]
            after = page.get("next")
            if not after:
                break
        assert sorted(seen) == [f"Page {number}" for number in range(7)], order
    assert subjects(searched, token, q="same", mailbox="Archive") == ["Page 6", "Page 4", "Page 2", "Page 0"]
    for bad in ("after=x", "after=1,", "sort=oldest", "limit=0", "has_attachment=2", "since=now"):
        assert searched.http("GET", f"/api/search?{bad}", token=token)[0] == 400, bad
    assert searched.http("GET", "/api/search?q=same")[0] == 401


def test_nobody_finds_anothers_mail_and_nothing_that_is_gone(searched, server):
    mine, others = searched.add_account("mine@search.test"), searched.add_account("others@search.test")
    put(searched, mine, "Secret", "the cormorant flies at noon")
    put(searched, others, "Nothing", "here")
    token = token_of(searched, mine)
    wait_until(lambda: subjects(searched, token, q="cormorant") == ["Secret"])
    assert subjects(searched, token_of(searched, others), q="cormorant") == []
    name = next(name for name, source in server.documents().items() if source["subject"] == "Secret")
    with searched.imap(mine) as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
    # At once, whatever the index still has; and the index hears of it.
    assert subjects(searched, token, q="cormorant") == []
    wait_until(lambda: name not in server.documents())


def test_of_anothers_account_what_is_shared_to_be_read_is_found(searched):
    owner, reader, stranger = (searched.add_account(f"{name}@search.test") for name in ("owner", "reader", "stranger"))
    with searched.imap(owner) as client:
        for name in ("Office", "Listed", "Private"):
            client.create(name)
    for mailbox in ("Office", "Listed", "Private"):
        put(searched, owner, mailbox, "the bittern booms", mailbox)
    with searched.imap(owner) as client:
        client.select("Office")
        client.copy("1", "Private")
    searched.cli("mailbox", "share", owner, reader, "--mailbox", "Office", "--rights", "lr")
    searched.cli("mailbox", "share", owner, reader, "--mailbox", "Listed", "--rights", "l")
    wait_until(lambda: len(subjects(searched, token_of(searched, owner), q="bittern")) == 3)
    token = token_of(searched, reader)
    found = find(searched, token, q="bittern", owner=owner.upper())["messages"]
    assert [one["subject"] for one in found] == ["Office"]
    # Where else it lies is the owner's to know.
    assert [place["mailbox"] for place in found[0]["places"]] == ["Office"]
    assert subjects(searched, token, q="bittern") == []
    assert subjects(searched, token, q="bittern", owner=owner, mailbox="Private") == []
    for who, address in [(stranger, owner), (owner, reader), (reader, "nobody@search.test"), (reader, "no address")]:
        assert searched.http("GET", f"/api/search?{urllib.parse.urlencode({'owner': address})}", token=token_of(searched, who))[0] == 404
    searched.cli("mailbox", "share", owner, reader, "--mailbox", "Office", "--rights", "l")
    assert searched.http("GET", f"/api/search?owner={owner}", token=token)[0] == 404


def test_mail_flows_while_the_index_is_away_and_is_found_when_it_is_back(searched, server):
    to = searched.add_account("away@search.test")
    token = token_of(searched, to)
    server.fails = True
    try:
        put(searched, to, "Meanwhile", "a heron")
        status, _, problem = searched.http("GET", "/api/search?q=heron", token=token)
        assert status == 503 and "not now" not in str(problem)
        wait_until(lambda: failed_checks(searched) == ["opensearch"])
    finally:
        server.fails = False
    wait_until(lambda: subjects(searched, token, q="heron") == ["Meanwhile"])


def test_an_account_is_indexed_anew(searched, server):
    to = searched.add_account("anew@search.test")
    put(searched, to, "Again", "a kingfisher")
    token = token_of(searched, to)
    wait_until(lambda: subjects(searched, token, q="kingfisher") == ["Again"])
    with server.lock:
        for index in server.aliases.values():
            index.documents = {name: kept for name, kept in index.documents.items() if kept[1]["subject"] != "Again"}
    assert subjects(searched, token, q="kingfisher") == []
    searched.cli("search", "reindex", to)
    wait_until(lambda: subjects(searched, token, q="kingfisher") == ["Again"])
    assert "OpenSearch answers" in searched.cli("search", "status").stdout
    # Mail made anew: nothing of the old is left in the index.
    searched.cli("account", "reset", to, "--yes")
    wait_until(lambda: not any(source["subject"] == "Again" for source in server.documents().values()))
