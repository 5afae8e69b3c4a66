"""Nodes that run nothing, for a real API server: pods that are scheduled to them become ready, jobs complete, claims are bound.

usage: simulated_nodes.py SERVER TOKEN_FILE

An image with the tag `bad` is never pulled.
"""
import datetime
import json
import ssl
import sys
import time
import urllib.error
import urllib.request

CONTEXT = ssl._create_unverified_context()
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
CAPACITY = {"cpu": "64", "memory": "256Gi", "pods": "500", "ephemeral-storage": "500Gi"}
NODES = ["node1", "node2", "node3"]
HEARTBEAT = 8


def now(form="%Y-%m-%dT%H:%M:%SZ"):
    return datetime.datetime.now(datetime.timezone.utc).strftime(form)


class Server:
    def __init__(self, address, token):
        self.address, self.token = address, token

    def ask(self, method, path, body=None, kind="application/json"):
        """The answer's document; nothing when the object is not there or is there already."""
        request = urllib.request.Request(
            self.address + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(request, context=CONTEXT, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (404, 409, 422):
                print(error.code, method, path, error.read()[:300], flush=True)
            return None

    def list(self, path):
        return (self.ask("GET", path + "?resourceVersion=0") or {}).get("items", [])


def condition(kind, status):
    return {"type": kind, "status": status, "reason": "Simulated", "lastTransitionTime": now()}


def beat(server, is_first):
    for number, name in enumerate(NODES):
        if is_first:
            labels = {
                "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone{number + 1}", "kubernetes.io/os": "linux",
            }
            server.ask("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})
        server.ask("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, MERGE) if is_first else None
        conditions = [{**condition("Ready", "True"), "lastHeartbeatTime": now()}]
        status = {"capacity": CAPACITY, "allocatable": CAPACITY, "conditions": conditions}
        server.ask("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, STRATEGIC)
        leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now("%Y-%m-%dT%H:%M:%S.%fZ")}
        if server.ask("PATCH", f"{leases}/{name}", {"spec": spec}, MERGE) is None:
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "namespace": "kube-node-lease"}}
            server.ask("POST", leases, {**lease, "spec": spec})


def container_status(container, state, is_ready):
    return {
        "name": container["name"], "image": container["image"], "imageID": "simulated", "ready": is_ready, "restartCount": 0,
        "started": is_ready, "state": state,
    }


def run_pod(server, pod, address):
    path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
    if pod["metadata"].get("deletionTimestamp"):
        server.ask("DELETE", path, {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0})
        return
    if pod["status"].get("phase") != "Pending" or pod["status"].get("containerStatuses"):
        return
    containers = pod["spec"]["containers"]
    if any(one["image"].endswith(":bad") for one in containers):
        phase, state, is_ready = "Pending", {"waiting": {"reason": "ImagePullBackOff"}}, False
    elif pod["spec"].get("restartPolicy") in ("Never", "OnFailure"):
        phase, state, is_ready = "Succeeded", {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now()}}, False
    else:
        phase, state, is_ready = "Running", {"running": {"startedAt": now()}}, True
    status = {
        "phase": phase, "podIP": address, "startTime": now(), "containerStatuses": [container_status(one, state, is_ready) for one in containers],
        "conditions": [condition(kind, str(is_ready)) for kind in ("ContainersReady", "Ready")],
    }
    server.ask("PATCH", path + "/status", {"status": status}, STRATEGIC)


def bind(server, claim):
    name = "volume-" + claim["metadata"]["uid"][:13]
    place = {key: claim["metadata"][key] for key in ("namespace", "name", "uid")}
    spec = {
        "capacity": claim["spec"]["resources"]["requests"], "accessModes": claim["spec"]["accessModes"], "hostPath": {"path": "/" + name},
        "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **place},
    }
    server.ask("POST", "/api/v1/persistentvolumes", {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})


def main():
    server = Server(sys.argv[1], open(sys.argv[2]).read().strip())
    last, given = 0, 0
    while True:
        try:
            if time.monotonic() - last > HEARTBEAT:
                beat(server, last == 0)
                last = time.monotonic()
            for pod in server.list("/api/v1/pods"):
                if pod["spec"].get("nodeName") in NODES:
                    given += 1
                    run_pod(server, pod, f"10.244.{given // 250 % 250}.{given % 250 + 1}")
            for claim in server.list("/api/v1/persistentvolumeclaims"):
                if claim.get("status", {}).get("phase") == "Pending":
                    bind(server, claim)
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            print("again:", error, flush=True)
        time.sleep(0.3)


main()
