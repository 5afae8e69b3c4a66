"""Errors reach a service that gathers them, without what must not leave; and mail does not notice when it is away."""
import json

import pytest
from platform_process import ADMIN, wait_until
from search_server import SearchServer
from telemetry_server import TelemetryServer

LETTER = f"From: you@elsewhere.test\r\nTo: {ADMIN}\r\nSubject: seen\r\n\r\nhello\r\n"


@pytest.fixture
def collector():
    running = TelemetryServer()
    yield running
    running.stop()


@pytest.fixture
def index():
    running = SearchServer(password="a password for the index")
    running.fails = True
    yield running
    running.stop()


def receive(platform):
    with platform.smtp() as client:
        client.sendmail("you@elsewhere.test", [ADMIN], LETTER)


def test_an_error_arrives_scrubbed(start_platform, collector, index):
    platform = start_platform(
        SENTRY_DSN=collector.dsn, SENTRY_ENVIRONMENT="staging", SENTRY_RELEASE="oonrumail@1.2.3", OONRUMAIL_SEARCH_INTERVAL="100ms",
        **index.settings,
    )
    receive(platform)
    event = wait_until(lambda: collector.events and collector.events[0])
    assert event["message"]["formatted"] == "OpenSearch does not answer as it should" and event["level"] == "error"
    assert (event["environment"], event["release"], event["logger"]) == ("staging", "oonrumail@1.2.3", "search")
    assert event["tags"]["service"] in ("oonrumail", "storage") and event["fingerprint"] == ["search", event["message"]["formatted"]]
    assert "status 503" in event["extra"]["cause"]
    sent = json.dumps(collector.events)
    for secret in (ADMIN, "elsewhere.test", "hello", "a password for the index", "127.0.0.1"):
        assert secret not in sent, secret
    # The same again and again goes once.
    assert wait_until(lambda: platform.metric('oonrumail_error_reports_total{outcome="sent"}') >= 1)
    assert len([event for event in collector.events if event["logger"] == "search"]) <= len(platform.pids)
    assert not collector.faults


def test_a_collector_that_is_away_or_has_enough_costs_nothing(start_platform, collector, index):
    collector.status, collector.fields = 429, {"Retry-After": "3600"}
    platform = start_platform(SENTRY_DSN=collector.dsn, OONRUMAIL_SEARCH_INTERVAL="100ms", **index.settings)
    wait_until(lambda: platform.metric('oonrumail_error_reports_total{outcome="refused"}') >= 1)
    receive(platform)
    assert len(platform.messages(ADMIN)) == 1
    assert platform.stop() in (0, None)
    assert collector.requests <= 2 * 5 and not collector.events
