"""A few rounds of the kill torture; more of them by Tests/Torture/kill_rounds.py."""
import importlib.util
import pathlib


def test_acknowledged_mail_survives_kills(tmp_path):
    path = pathlib.Path(__file__).resolve().parent.parent / "Torture/kill_rounds.py"
    spec = importlib.util.spec_from_file_location("kill_rounds", path)
    torture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(torture)
    acknowledged, lost, damaged, twice, findings = torture.run(rounds=20, writers_count=20, seed=20261123, folder=tmp_path)
    assert acknowledged > 100
    assert (lost, damaged, twice, findings) == ([], 0, [], [])
