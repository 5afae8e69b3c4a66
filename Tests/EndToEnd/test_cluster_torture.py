"""The cluster under traffic: two minutes of kills (longer by Tests/Torture/cluster_rounds.py), and an update."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Torture"))

import cluster_rounds  # noqa: E402


def test_promises_outlive_every_process(tmp_path):
    outcome = cluster_rounds.run(tmp_path, seconds=120, every=8, accounts=3, seed=20261124, least=10)
    assert outcome.acknowledged > 500
    assert len(set(outcome.kills)) >= 10
    assert not any(outcome.problems.values()), outcome.problems


def test_an_update_costs_clients_no_more_than_a_reconnect(tmp_path):
    outcome = cluster_rounds.roll(tmp_path, accounts=3, seed=20261125)
    assert outcome.acknowledged > 100
    assert set(outcome.codes.values()) == {0}, outcome.codes
    assert set(outcome.troubles) <= {"reconnect"}, outcome.troubles
    assert not any(outcome.problems.values()), outcome.problems
