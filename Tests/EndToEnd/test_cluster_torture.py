"""Two minutes of the cluster's torture; longer by Tests/Torture/cluster_rounds.py."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Torture"))

import cluster_rounds  # noqa: E402


def test_promises_outlive_every_process(tmp_path):
    outcome = cluster_rounds.run(tmp_path, seconds=120, every=8, accounts=3, seed=20261124)
    assert outcome.acknowledged > 500
    assert len(set(outcome.kills)) >= 10
    assert not any(outcome.problems.values()), outcome.problems
