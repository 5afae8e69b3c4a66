"""What looking after people costs when mail is accepted: answers of who is away, and Sieve scripts, in one run.

usage: intake_bench.py [--rounds N] [--messages N]

One platform takes the same mail in turns (A B C A B C …): from a program, which nobody answers; from a person; from a person to somebody
who is away and has answered already; to somebody whose mail goes through a script of twenty rules. The processor's time of the server per
message is what is compared: it depends little on what else runs on the machine. Ratios are taken round by round and their median printed.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from platform_process import Platform

RULES = """require ["fileinto", "imap4flags", "mailbox", "variables"];
if header :matches "Subject" "*" { set "subject" "${1}"; }
""" + "\n".join(
    f'if anyof (header :contains ["List-Id", "X-Project"] "project{number}.", address :domain "From" "partner{number}.test")'
    f' {{ fileinto :create :flags "\\\\Seen" "Projects/{number}"; stop; }}'
    for number in range(20)
)
# A name, who writes, and to whom.
CASES = [
    ("from a program", "noreply@elsewhere.test", "sink@bench.test"),
    ("from a person", "bench@elsewhere.test", "sink@bench.test"),
    ("to who is away", "bench@elsewhere.test", "away@bench.test"),
    ("through a script", "noreply@elsewhere.test", "sorted@bench.test"),
]


def processor(process):
    """Seconds that the process has spent."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drive(ours, sender, to, sessions, count):
    """Milliseconds of the processor per message, and messages per second."""
    started, spent = time.monotonic(), processor(ours.process)
    subprocess.run(
        ["smtp-source", "-d", "-s", str(sessions), "-m", str(count), "-l", "4096", "-f", sender, "-t", to, f"127.0.0.1:{ours.ports['smtp']}"],
        check=True, capture_output=True, timeout=300,
    )
    return (processor(ours.process) - spent) / count * 1000, count / (time.monotonic() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--messages", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = Platform(folder, OONRUMAIL_LOG_LEVEL="warning").start()
        try:
            for name in ("sink", "away", "sorted"):
                ours.add_account(f"{name}@bench.test")
            ours.cli("vacation", "set", "away@bench.test", "--text", "-", "--audience", "everyone", stdin="Back on Monday.\n")
            ours.cli("sieve", "put", "sorted@bench.test", "main", "-", "--activate", stdin=RULES)
            for sessions in (1, 20):
                for _, sender, to in CASES:
                    drive(ours, sender, to, sessions, options.messages // 5)
                rows = [[drive(ours, sender, to, sessions, options.messages) for _, sender, to in CASES] for _ in range(options.rounds)]
                for number, (name, _, _) in enumerate(CASES):
                    spent, rate = (statistics.median(row[number][column] for row in rows) for column in (0, 1))
                    ratio = statistics.median(row[number][0] / row[0][0] for row in rows)
                    print(f"{sessions:>3} sessions, {name:<17} {spent:6.3f} ms of processor, ratio {ratio:.3f}, {rate:>6.0f} messages/s", flush=True)
            print("verify:", ours.json("verify"))
        finally:
            ours.stop()


main()
