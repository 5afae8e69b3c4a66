"""Distribution lists with real mail: who may write, what members get, bounces, circles, owners."""
import json
import smtplib

import pytest

from platform_process import PASSWORD, wait_until
from test_addresses import ANN, BOB, CY, OWNER, STRANGER, api, count, dns, inbox, place, rcpt, send, trace  # noqa: F401

LISTS = "/api/domains/forms.test/lists"


def make(api, local, members=(), **more):
    address = f"{local}@forms.test"
    status, _, made = api("POST", LISTS, {"address": address, **more})
    assert status == 201, made
    if members:
        assert api("POST", f"{LISTS}/{address}/members", {"members": list(members)})[0] == 200
    return address


def test_a_list_gives_each_member_one_copy_under_its_own_name(place, api):  # noqa: F811
    team = make(api, "team", [ANN, BOB, "out@elsewhere.test"], name="The team")
    place.cli("alias", "add", "both@forms.test", ANN, BOB)
    assert api("POST", f"{LISTS}/{team}/members", {"members": ["both@forms.test", ANN]})[2] == {"added": 1}
    # Signed in, a colleague writes; anybody else does not, whatever MAIL says.
    assert rcpt(place, team)[:1] == (550,) and b"5.7.1" in rcpt(place, team, ANN)[1]
    def queued():
        known = json.loads(place.cli("trace", "out@elsewhere.test", "--json", check=False).stdout)
        return sum(event["kind"] == "queued" for event in known)

    before = queued()
    send(place, [BOB, team], "hello-team", ANN, user=ANN)
    copy, = inbox(place, ANN, "hello-team")
    assert copy["Return-Path"] == "<team-bounces@forms.test>" and copy["From"] == ANN
    assert copy["List-Id"] == '"The team" <team.forms.test>' and copy["List-Post"] == "<mailto:team@forms.test>"
    assert "team-owner@forms.test" in copy["List-Unsubscribe"]
    assert any("d=forms.test" in text for text in copy.get_all("DKIM-Signature"))
    # Bob was written to as well, and has that one.
    assert count(place, BOB, "hello-team") == 1 and inbox(place, BOB, "hello-team")[0]["List-Id"] is None
    assert queued() == before + 1
    ways = [event["detail"] for event in trace(place, ANN) if event["kind"] == "delivered"]
    assert "by way of team@forms.test" in ways


def test_members_of_lists_within_lists_and_circles(place, api):  # noqa: F811
    inner = make(api, "inner", [CY])
    outer = make(api, "outer", [inner, ANN])
    assert api("POST", f"{LISTS}/{inner}/members", {"members": [outer]})[0] == 409
    assert api("POST", "/api/domains/forms.test/aliases", {"address": "loop@forms.test", "targets": [outer]})[0] == 201
    assert api("POST", f"{LISTS}/{inner}/members", {"members": ["loop@forms.test"]})[0] == 409
    send(place, outer, "to-outer", ANN, user=ANN)
    assert inbox(place, CY, "to-outer")[0]["List-Id"] == "<outer.forms.test>"
    assert count(place, ANN, "to-outer") == 1
    # What comes back from the list is not sent again.
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(place, outer, "again", ANN, header="List-Id: <outer.forms.test>\r\n", user=ANN)
    assert refused.value.smtp_code == 554
    assert api("POST", f"{LISTS}/{inner}/members", {"members": [f"m{n}@x.test" for n in range(9)]})[0] in (409, 422)


def test_mail_from_outside_and_a_strict_author(place, api):  # noqa: F811
    news = make(api, "news", [CY], posting="anyone", name="News", maximum_size=5000)
    send(place, news, "plain-author", header="X-Kept: yes\r\n")
    copy, = inbox(place, CY, "plain-author")
    assert copy["From"] == STRANGER and copy["X-Kept"] == "yes"
    send(place, news, "strict-author", "eve@strict.example", '"Eve \\"E\\"" <eve@strict.example>')
    copy, = inbox(place, CY, "strict-author")
    assert copy["From"] == '"Eve \\"E\\" via News" <news@forms.test>' and copy["Reply-To"] == "eve@strict.example"
    # The client says how large it is: refused before it is sent.
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(place, news, "large", header="X: " + "x" * 900 + "\r\n" + "".join(f"Y{n}: " + "y" * 900 + "\r\n" for n in range(6)))
    assert refused.value.recipients[news][0] == 552
    # Or when it is there, where it says nothing or too little.
    large = f"From: {STRANGER}\r\nTo: {news}\r\nSubject: larger than said\r\n\r\n" + ("y" * 70 + "\r\n") * 100
    for declared in ("", " SIZE=100"):
        with place.smtp() as client:
            client.ehlo("client.plain.example")
            assert client.docmd(f"MAIL FROM:<{STRANGER}>{declared}")[0] == 250
            assert client.rcpt(news)[0] == 250
            assert client.data(large)[0] in (550, 552)
    assert count(place, CY, "larger than said") == 0
    with place.smtp() as client:
        client.ehlo("client.plain.example")
        assert client.mail("")[0] == 250
        assert client.rcpt(news)[0] == 550
        # Notifications come to those who look after the list; without any, to the postmaster.
        assert client.rcpt("news-bounces@forms.test")[0] == 250
    assert api("PUT", f"{LISTS}/{news}/owners", {"owners": [BOB]})[2]["owners"] == [BOB]
    send(place, "news-bounces@forms.test", "a-bounce", "")
    assert inbox(place, BOB, "a-bounce")
    send(place, "news-owner@forms.test", "to-the-owner")
    assert inbox(place, BOB, "to-the-owner")


def test_a_full_member_keeps_the_message_from_nobody(place, api):  # noqa: F811
    place.cli("account", "add", "full@forms.test", "--password-stdin", stdin=PASSWORD + "\n")
    place.cli("account", "quota", "full@forms.test", "10")
    some = make(api, "some", [ANN, "full@forms.test"])
    send(place, some, "some-full", BOB, user=BOB)
    assert inbox(place, ANN, "some-full")
    assert any("mailbox full" in event["detail"] for event in trace(place, "full@forms.test"))


def test_owners_look_after_members_and_no_more(place, api):  # noqa: F811
    club = make(api, "club", [CY], posting="named", owners=[ANN])
    one = f"{LISTS}/{club}"
    assert api("GET", one, user=ANN)[2]["owners"] == [ANN]
    assert api("POST", one + "/members", {"members": [BOB]}, ANN)[2] == {"added": 1}
    page = api("GET", one + "/members?limit=1", user=ANN)[2]
    assert page["members"] == [BOB] and page["next"]
    assert api("DELETE", f"{one}/members/{BOB}", user=ANN)[0] == 204
    assert api("DELETE", f"{one}/members/{BOB}", user=ANN)[0] == 404
    assert api("PUT", one + "/senders", {"senders": ["press@plain.example"]}, ANN)[0] == 200
    assert rcpt(place, club, "Press@plain.example")[0] == 250 and rcpt(place, club)[0] == 550
    for method, path, body in (("DELETE", "", None), ("PATCH", "", {"name": "x"}), ("PUT", "/owners", {"owners": [CY]})):
        assert api(method, one + path, body, ANN)[0] == 403
        assert api(method, one + path, body, "owner@rival.test")[0] == 404
    assert api("GET", one, user=BOB)[0] == 403 and api("GET", one, user="owner@rival.test")[0] == 404
    assert api("PUT", one + "/owners", {"owners": ["owner@rival.test"]})[2]["errors"][0]["pointer"] == "#/owners"
    assert api("PATCH", one, {"posting": "anyone", "maximum_size": None})[2]["posting"] == "anyone"
    assert api("PATCH", one, {"posting": "x"})[0] == 422
    assert api("POST", LISTS, {"address": "a'b@forms.test"})[0] == 422
    assert api("POST", LISTS, {"address": ANN})[0] == 409
    shown = json.loads(place.cli("list", "show", club, "--json").stdout)
    assert shown["members"] == [CY] and shown["senders"] == ["press@plain.example"]
    assert "club@forms.test" in place.cli("list", "list", "--domain", "forms.test").stdout
    place.cli("list", "add-member", club, BOB)
    place.cli("list", "remove-member", club, BOB)
    place.cli("list", "change", club, "--name", "Club")
    place.cli("list", "remove", club)
    assert api("GET", one)[0] == 404
    assert wait_until(lambda: rcpt(place, club)[0] == 550)
