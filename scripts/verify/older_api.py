"""Standard input: manifests of today; standard output: the same for an API server of Kubernetes 1.20.

Only versions of kinds whose fields are equal change; kinds that are no part of Kubernetes are left out. With `--phase NAME` only what has the
label `phase: NAME`.
"""
import sys

import yaml

OLDER = {
    ("policy/v1", "PodDisruptionBudget"): "policy/v1beta1", ("autoscaling/v2", "HorizontalPodAutoscaler"): "autoscaling/v2beta2",
    ("batch/v1", "CronJob"): "batch/v1beta1",
}
CUSTOM = {"Certificate", "ExternalSecret", "SecretStore"}
phase = sys.argv[2] if len(sys.argv) > 2 else None
documents = [one for one in yaml.safe_load_all(sys.stdin) if one and one["kind"] not in CUSTOM]
if phase:
    documents = [one for one in documents if one["metadata"].get("labels", {}).get("phase") == phase]
for one in documents:
    one["apiVersion"] = OLDER.get((one["apiVersion"], one["kind"]), one["apiVersion"])
yaml.safe_dump_all(documents, sys.stdout, sort_keys=False)
