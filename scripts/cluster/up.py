"""Starts the cluster shape with demo data and stops it all on Ctrl-C; see scripts/cluster-up.sh --help."""
import argparse
import pathlib
import secrets
import signal
import subprocess
import sys
import tempfile

from cluster import Backends, Cluster

PORTS = {"smtp": 2525, "submission": 2587, "submissions": 2465, "imap": 2143, "imaps": 2993, "http": 8080}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--free-ports", action="store_true")
    parser.add_argument("--executables", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    password = secrets.token_urlsafe(12)
    with tempfile.TemporaryDirectory(prefix="oonrumail-cluster-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o711)
        print("starting PostgreSQL, PgBouncer, Redis and an S3 server …", flush=True)
        backends = Backends(folder / "backends")
        cluster = None
        try:
            cluster = Cluster(
                folder / "cluster", backends, options.executables, options.replicas,
                ports=None if options.free_ports else PORTS,
                settings={
                    "OONRUMAIL_BOOTSTRAP_ADMIN": "admin@example.test", "OONRUMAIL_BOOTSTRAP_PASSWORD": password,
                    "OONRUMAIL_HOSTNAME": "localhost",
                },
            )
            print(f"starting {options.replicas} of each service, then HAProxy …", flush=True)
            cluster.start()
            demo(cluster, options.executables, password)
            tell(cluster, password, folder, operators_file(cluster, backends, folder, password))
            signal.pause()
        except KeyboardInterrupt:
            print("\nstopping …", flush=True)
        finally:
            if cluster:
                cluster.stop()
            backends.end()


def demo(cluster, executables, password):
    def run(*words, stdin=None):
        subprocess.run(
            [f"{executables}/oonrumail", *words], env=cluster.environment(), check=True, text=True, input=stdin,
            stdout=subprocess.DEVNULL,
        )

    run("domain", "add", "shop.test")
    run("account", "add", "ann@shop.test", "--password-stdin", stdin=password + "\n")
    run("alias", "add", "sales@shop.test", "ann@shop.test")


def operators_file(cluster, backends, folder, password):
    """What the scripts for operators read, as .env.production would be; the password of the checks beside it."""
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password + "\n")
    file = folder / "settings.env"
    file.touch(mode=0o600)
    settings = {
        **cluster.settings,
        # Past PgBouncer, as backups are made; where the scripts look, and as whom.
        "BACKUP_POSTGRES_PORT": backends.postgres.port, "BACKUP_DIR": folder / "backups",
        "VERIFY_URL": f"http://127.0.0.1:{cluster.ports['http']}", "VERIFY_MAIL_HOST": "localhost",
        "VERIFY_CA_FILE": cluster.settings["OONRUMAIL_TLS_CERTIFICATE"], "VERIFY_USER": "ann@shop.test",
        "VERIFY_PASSWORD_FILE": secret, "VERIFY_ALIAS": "sales@shop.test",
    }
    file.write_text("".join(f'{name}="{value}"\n' for name, value in settings.items()))
    return file


def tell(cluster, password, folder, file):
    print(f"""
The cluster runs; its data and logs are in {folder} and go with it.

  SMTP 127.0.0.1:{cluster.ports['smtp']}   submission {cluster.ports['submission']} (STARTTLS), {cluster.ports['submissions']} (TLS)
  IMAP 127.0.0.1:{cluster.ports['imap']} (STARTTLS), {cluster.ports['imaps']} (TLS)   HTTP 127.0.0.1:{cluster.ports['http']}

  admin@example.test and ann@shop.test (also sales@shop.test), password {password}

To follow docs/DEPLOYMENT_RUNBOOK.md on it, in another shell:

  export OONRUMAIL_ENV_FILE={file} PATH={cluster.executables.absolute()}:$PATH
  set -a; . "$OONRUMAIL_ENV_FILE"; set +a
""")
    for (service, number), process in sorted(cluster.processes.items()):
        print(f"  {service}-{number}: process {process.pid}, health http://127.0.0.1:{cluster.places[service, number]['http']}/ready")
    print("\nCtrl-C stops everything.", flush=True)


main()
