"""Sending with another's address: granted, enforced at submission, taken back."""
import email

import pytest
from platform_process import PASSWORD, wait_until

PATH = "/api/users/me/sending-grants"


def token(platform, user):
    return platform.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})[2]["access_token"]


class House:
    """Ann's address, and Bob who wants to send with it."""

    def __init__(self, platform, name):
        self.platform = platform
        self.ann = platform.add_account(f"ann@{name}.test")
        self.bob = platform.add_account(f"bob@{name}.test")
        self.tokens = {who: token(platform, who) for who in (self.ann, self.bob)}

    def give(self, kind, **more):
        body = {"kind": kind, "to": self.bob, **more}
        return self.platform.http("POST", PATH, body, self.tokens[self.ann])

    def send(self, envelope, header, sender=None):
        """The reply's code: of MAIL, or of DATA."""
        lines = [f"From: <{header}>"] + ([f"Sender: <{sender}>"] if sender else []) + [f"To: {self.ann}", "", "A line."]
        with self.platform.submission(self.bob) as client:
            client.ehlo()
            code = client.mail(f"<{envelope}>")[0]
            if code != 250:
                return code
            assert client.rcpt(f"<{self.ann}>")[0] == 250
            return client.data("\r\n".join(lines) + "\r\n")[0]

    def received(self):
        with self.platform.imap(self.ann) as client:
            def last():
                count = int(client.select()[1][0])
                return count and client.fetch(str(count), "(BODY[])")[1][0][1]
            return email.message_from_bytes(wait_until(last))


def test_send_as_is_as_if_the_address_were_ones_own(platform):
    house = House(platform, "sendas")
    assert house.send(house.ann, house.ann) == 550
    assert house.send(house.bob, house.ann) == 550
    status, _, grant = house.give("send-as")
    assert status == 201 and grant["address"] == house.ann and grant["grantee"] == house.bob
    assert house.give("send-as")[0] == 409
    assert house.send(house.ann, house.ann) == 250
    assert house.received()["Sender"] is None
    held = platform.http("GET", f"{PATH}?direction=held", token=house.tokens[house.bob])[2]["sending_grants"]
    assert [one["id"] for one in held] == [grant["id"]]
    assert platform.http("DELETE", f"{PATH}/{grant['id']}", token=house.tokens[house.ann])[0] == 204
    assert house.send(house.ann, house.ann) == 550
    assert platform.http("DELETE", f"{PATH}/{grant['id']}", token=house.tokens[house.ann])[0] == 404


def test_on_behalf_names_the_sender(platform):
    house = House(platform, "onbehalf")
    assert house.give("send-on-behalf", address=house.ann)[0] == 201
    assert house.send(house.ann, house.ann) == 550
    assert house.send(house.bob, house.ann, sender=house.ann) == 550
    assert house.send(house.bob, house.ann) == 250
    message = house.received()
    assert message["Sender"] == f"<{house.bob}>" and message["From"] == f"<{house.ann}>"
    assert message["Return-Path"] == f"<{house.bob}>"
    assert house.send(house.bob, house.ann, sender=house.bob) == 250


def test_grants_stay_in_the_organisation(platform):
    house, other = House(platform, "inside"), House(platform, "outside")
    if platform.http("GET", "/api/users/me", token=house.tokens[house.ann])[2]["organisation_id"] != \
            platform.http("GET", "/api/users/me", token=other.tokens[other.ann])[2]["organisation_id"]:
        assert house.give("send-as", to=other.bob)[0] == 422
    assert house.give("send-as", to="nobody@elsewhere.test")[0] == 422
    assert house.give("send-as", address=house.bob)[0] == 422
    assert house.give("own")[0] == 422
    assert platform.http("GET", "/api/sending-grants", token=house.tokens[house.ann])[0] == 403
    grant = house.give("send-as")[2]
    assert platform.http("DELETE", f"{PATH}/{grant['id']}", token=other.tokens[other.ann])[0] == 404
    assert platform.http("DELETE", f"{PATH}/{grant['id']}", token=house.tokens[house.bob])[0] == 204
    made = platform.json("grant", "add", "send-as", house.ann, house.bob)
    assert house.send(house.ann, house.ann) == 250
    assert [one["id"] for one in platform.json("grant", "list", house.ann)] == [made["id"]]
    platform.cli("grant", "revoke", str(made["id"]))
    assert house.send(house.ann, house.ann) == 550
    assert platform.cli("grant", "revoke", str(made["id"]), check=False).returncode == 3


@pytest.mark.parametrize("text", ["ann@shop.test\r\nX: y", "ann\u0301", "", "a" * 400 + "@shop.test"])
def test_addresses_that_are_none(platform, text):
    house = House(platform, f"none{len(text)}")
    assert house.give("send-as", to=text)[0] == 422
