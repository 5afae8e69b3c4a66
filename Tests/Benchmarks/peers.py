"""Private instances of the peers that benchmarks compare with: Postfix and Dovecot, on free loopback ports."""
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

from platform_process import free_port, wait_until  # noqa: E402


class Postfix:
    """Accepts for one domain and discards after queueing: the queue file is synced before the 250 as in production."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        conf = self.folder / "conf"
        for name in ("conf", "queue", "data"):
            (self.folder / name).mkdir(parents=True)
        for name in ("main.cf.proto", "master.cf.proto", "dynamicmaps.cf", "postfix-files"):
            for source in (pathlib.Path("/usr/share/postfix") / name, pathlib.Path("/etc/postfix") / name):
                if source.exists():
                    shutil.copy(source, conf / name)
                    break
        (conf / "dynamicmaps.cf.d").mkdir(exist_ok=True)
        (conf / "postfix-files.d").mkdir(exist_ok=True)
        master = [
            f"127.0.0.1:{self.port} inet n - n - 150 smtpd", "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup",
            "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
            "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "flush unix n - n 1000? 0 flush",
            "proxymap unix - - n - - proxymap", "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache",
            "discard unix - - n - - discard", "error unix - - n - - error", "retry unix - - n - - error",
        ]
        (conf / "master.cf").write_text("\n".join(master) + "\n")
        (conf / "main.cf").write_text("\n".join([
            "compatibility_level = 3.6", f"queue_directory = {self.folder}/queue", f"data_directory = {self.folder}/data",
            "mail_owner = postfix", "setgid_group = postdrop", "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4",
            "myhostname = bench.test", "mydestination = bench.test", "local_recipient_maps =", "alias_maps =",
            "local_transport = discard", "default_transport = discard", "smtpd_client_connection_count_limit = 0",
            "smtpd_recipient_restrictions = permit_mynetworks, reject", "mynetworks = 127.0.0.0/8",
            f"maillog_file = {self.folder}/maillog", f"maillog_file_prefixes = {self.folder}", "default_process_limit = 150",
            "command_directory = /usr/sbin", "daemon_directory = /usr/lib/postfix/sbin", "meta_directory = /etc/postfix",
            "shlib_directory = /usr/lib/postfix", "import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ",
        ]) + "\n")
        shutil.chown(self.folder / "data", "postfix")
        os.chmod(self.folder, 0o755)
        self.conf = conf

    def start(self):
        (self.conf / "master.cf").open("a").write("postlog unix-dgram n - n - 1 postlogd\n")
        done = subprocess.run(["postfix", "-c", self.conf, "start"], text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError(done.stderr + done.stdout)
        wait_until(lambda: _listens(self.port))
        return self

    def stop(self):
        subprocess.run(["postfix", "-c", self.conf, "stop"], capture_output=True)


class Dovecot:
    """One user on Maildir with the package's settings for durability."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.folder.mkdir(parents=True)
        for name in ("run", "home"):
            (self.folder / name).mkdir()
        subprocess.run(["id", "-u", "mail"], check=True, capture_output=True)
        shutil.chown(self.folder / "home", "mail", "mail")
        os.chmod(self.folder, 0o755)
        self.conf = self.folder / "dovecot.conf"
        self.conf.write_text(f"""
protocols = imap
base_dir = {self.folder}/run
state_dir = {self.folder}/run
log_path = {self.folder}/log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 1000
default_vsz_limit = 1G
service imap-login {{
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={self.folder}/home
}}
""")

    def fill(self, mailbox, messages):
        """Puts messages into a mailbox behind the server's back; it takes them up at the next SELECT."""
        folder = self.folder / "home" / "Maildir" / f".{mailbox}" / "cur"
        for number, message in enumerate(messages):
            path = folder / f"{1_700_000_000 + number}.M{number}P1.peer:2,"
            path.write_bytes(message.replace(b"\r\n", b"\n"))
            shutil.chown(path, "mail", "mail")

    def start(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.conf])
        wait_until(lambda: _listens(self.port))
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def _listens(port):
    import socket
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False
