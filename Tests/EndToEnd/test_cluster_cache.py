"""What Redis keeps of domains: read by smtp-server, forgotten everywhere when a domain changes."""
import os
import subprocess

import pytest
from platform_process import ADMIN, wait_until
from test_cluster import send
from test_hostile_smtp import RawSMTP


def redis(platform, *words):
    settings = platform.settings
    done = subprocess.run(
        ["redis-cli", "-h", settings["REDIS_HOST"], "-p", settings["REDIS_PORT"], "-n", settings["REDIS_DB"], *words],
        env={**os.environ, "REDISCLI_AUTH": settings["REDIS_PASSWORD"]}, text=True, capture_output=True, check=True,
    )
    return done.stdout.split()


def status(platform, domain):
    return redis(platform, "HGET", f"domains:cache:{domain}", "status")


def test_the_first_mail_to_a_domain_fills_the_cache(platform):
    redis(platform, "DEL", "domains:cache:example.test")
    send(platform, 0, "warm")
    assert redis(platform, "HMGET", "domains:cache:example.test", "name", "status", "dkim_enabled") == [
        "example.test", "active", "true",
    ]
    # Nothing is kept of who is not ours.
    client = RawSMTP(platform)
    client.command("MAIL FROM:<ann@elsewhere.test>")
    assert client.command("RCPT TO:<bob@nowhere.test>").startswith(b"550 5.7.1")
    assert status(platform, "nowhere.test") == []
    assert client.command("RCPT TO:<nobody@example.test>").startswith(b"550 5.1.1")


def test_a_change_is_known_to_every_replica_at_once(platform):
    platform.cli("domain", "add", "turns.test")
    address = platform.add_account("ann@turns.test")
    for number in (0, 1):
        send(platform, number, "before", to=address)
    # A new domain is kept once its change is some seconds old.
    wait_until(lambda: platform.json("cache", "warm") and status(platform, "turns.test") == ["active"])
    platform.cli("domain", "suspend", "turns.test", "--reason", "unpaid")
    assert status(platform, "turns.test") == []
    for number in (0, 1):
        with pytest.raises(Exception, match="turns.test|suspended|disabled|not available"):
            send(platform, number, "meanwhile", to=address)
    platform.cli("domain", "resume", "turns.test")
    for number in (0, 1):
        send(platform, number, "after", to=address)
    assert len(platform.messages(address)) == 4


def test_warming_writes_every_domain(platform):
    platform.cli("domain", "add", "warm.test")
    # A new domain is kept once its change is some seconds old.
    wait_until(lambda: redis(platform, "EXISTS", "domains:cache:warm.test") == ["0"])
    assert platform.json("cache", "warm")["domains"] >= 2
    assert status(platform, "warm.test") == ["active"]


def test_entries_that_lie_open_no_mailbox(platform):
    """Whoever can write to Redis can stop mail, but cannot have it taken for somebody who is not there."""
    redis(platform, "HSET", "domains:cache:foreign.test", "name", "foreign.test", "organisation", "1", "status", "active", "dkim_enabled", "true")
    client = RawSMTP(platform)
    client.command("MAIL FROM:<ann@elsewhere.test>")
    assert client.command("RCPT TO:<bob@foreign.test>").startswith(b"550")
    client.command("RSET")
    assert client.command("MAIL FROM:<ann@elsewhere.test>").startswith(b"250")
    assert client.command(f"RCPT TO:<{ADMIN}>").startswith(b"250")
