"""What neither a schema nor an API server finds in manifests: names that lead nowhere, selectors that match nothing.

`findings(documents, given=…)` returns one line for each; `given` are names of secrets that others make.
"""
import re

WORKLOADS = {"Deployment", "StatefulSet", "Job", "CronJob", "DaemonSet"}


def template(document):
    spec = document["spec"]
    return spec["jobTemplate"]["spec"]["template"] if document["kind"] == "CronJob" else spec["template"]


def quantity(text):
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m|Ki|Mi|Gi|Ti|k|M|G|T)?", str(text))
    if not found:
        raise ValueError(text)
    units = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    return float(found[1]) * units.get(found[2], 1)


def matches(selector, labels):
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for one in selector.get("matchExpressions") or []:
        has = labels.get(one["key"])
        if {"In": has not in one.get("values", []), "Exists": has is None}.get(one["operator"], True):
            return False
    return True


class Linter:
    def __init__(self, documents, given):
        self.documents = documents
        self.given = set(given)
        self.found = []
        self.workloads = [one for one in documents if one["kind"] in WORKLOADS]

    def find(self, document, text):
        self.found.append(f"{document['kind']}/{document['metadata']['name']}: {text}")

    def named(self, kind):
        return {one["metadata"]["name"]: one for one in self.documents if one["kind"] == kind}

    def secrets(self):
        made = set(self.named("Secret")) | self.given
        made |= {one["spec"]["target"]["name"] for one in self.named("ExternalSecret").values()}
        for one in self.named("Ingress").values():
            # cert-manager makes what such an ingress names.
            if "cert-manager.io/cluster-issuer" in one["metadata"].get("annotations", {}):
                made |= {tls["secretName"] for tls in one["spec"]["tls"]}
        return made | {one["spec"]["secretName"] for one in self.named("Certificate").values()}

    def run(self):
        seen = set()
        for one in self.documents:
            key = one["kind"], one["metadata"]["name"]
            if key in seen:
                self.find(one, "is there twice")
            seen.add(key)
        for one in self.workloads:
            self.workload(one)
        for one in self.documents:
            handler = getattr(self, "check_" + one["kind"], None)
            if handler:
                handler(one)
        return self.found

    # Pods

    def workload(self, one):
        pod = template(one)
        spec, labels = pod["spec"], pod["metadata"].get("labels", {})
        selector = one["spec"].get("selector")
        if one["kind"] in {"Deployment", "StatefulSet", "DaemonSet"} and not matches(selector, labels):
            self.find(one, "its selector does not match its pods")
        if one["kind"] == "Deployment":
            rolling = one["spec"].get("strategy", {}).get("rollingUpdate", {})
            if rolling.get("maxUnavailable") == 0 == rolling.get("maxSurge", 1):
                self.find(one, "maxUnavailable and maxSurge are both 0")
        if one["kind"] == "StatefulSet" and one["spec"].get("serviceName") not in self.named("Service"):
            self.find(one, "there is no service for it")
        account = spec.get("serviceAccountName")
        if account and account not in self.named("ServiceAccount"):
            self.find(one, f"there is no service account {account}")
        if spec.get("automountServiceAccountToken") is not False:
            self.find(one, "gets a token for the API server that it does not need")
        if spec.get("terminationGracePeriodSeconds", 30) < 1:
            self.find(one, "has no time to end")
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        claims = {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        used = set()
        for container in spec["containers"] + spec.get("initContainers", []):
            self.container(one, spec, container)
            for mount in container.get("volumeMounts", []):
                used.add(mount["name"])
                if mount["name"] not in set(volumes) | claims:
                    self.find(one, f"mounts {mount['name']}, which is no volume")
        for name in sorted((set(volumes) | claims) - used):
            self.find(one, f"volume {name} is not mounted")
        for volume in volumes.values():
            self.source(one, "Secret", volume.get("secret", {}).get("secretName"))
            self.source(one, "ConfigMap", volume.get("configMap", {}).get("name"))
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim and claim not in self.named("PersistentVolumeClaim"):
                self.find(one, f"there is no claim {claim}")

    def source(self, one, kind, name):
        known = self.secrets() if kind == "Secret" else set(self.named(kind))
        if name and name not in known:
            self.find(one, f"there is no {kind} {name}")

    def container(self, one, spec, container):
        for source in container.get("envFrom", []):
            self.source(one, "ConfigMap", source.get("configMapRef", {}).get("name"))
            self.source(one, "Secret", source.get("secretRef", {}).get("name"))
        for variable in container.get("env", []):
            for way, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                self.source(one, kind, variable.get("valueFrom", {}).get(way, {}).get("name"))
        ports = {port.get("name"): port for port in container.get("ports", [])}
        for name in ports:
            if name and len(name) > 15:
                self.find(one, f"the name of port {name} is longer than 15 characters")
        probes = [container[key] for key in ("startupProbe", "livenessProbe", "readinessProbe") if key in container]
        serves = container not in spec.get("initContainers", [])
        if serves and one["kind"] in {"Deployment", "StatefulSet"} and "readinessProbe" not in container:
            self.find(one, f"{container['name']} has no readiness probe")
        for probe in probes:
            for way in ("httpGet", "tcpSocket"):
                port = probe.get(way, {}).get("port")
                if isinstance(port, str) and port not in ports:
                    self.find(one, f"a probe names port {port}, which {container['name']} does not have")
        if re.search(r":(latest)?$|^[^:]+$", container["image"].rsplit("/", 1)[-1]):
            self.find(one, f"{container['image']} has no version")
        self.resources(one, container)
        context = {**spec.get("securityContext", {}), **container.get("securityContext", {})}
        wanted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
        for key, value in wanted.items():
            if context.get(key) is not value:
                self.find(one, f"{container['name']}: {key} is not {value}")
        if context.get("capabilities", {}).get("drop") != ["ALL"]:
            self.find(one, f"{container['name']} keeps capabilities")
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            self.find(one, f"{container['name']} has no seccomp profile")

    def resources(self, one, container):
        resources = container.get("resources", {})
        try:
            requests = {key: quantity(value) for key, value in resources.get("requests", {}).items()}
            limits = {key: quantity(value) for key, value in resources.get("limits", {}).items()}
        except ValueError as error:
            self.find(one, f"{error} is not a quantity")
            return
        for key in ("cpu", "memory"):
            if key not in requests:
                self.find(one, f"{container['name']} requests no {key}")
        if "memory" not in limits:
            self.find(one, f"{container['name']} has no limit of memory")
        for key in requests:
            if requests[key] > limits.get(key, float("inf")):
                self.find(one, f"{container['name']} requests more {key} than its limit")

    # What points at pods and services

    def pods(self, selector):
        return [one for one in self.workloads if matches(selector, template(one)["metadata"].get("labels", {}))]

    def port_names(self, workloads):
        return {
            port.get("name") for one in workloads for container in template(one)["spec"]["containers"]
            for port in container.get("ports", [])
        }

    def check_Service(self, one):
        if one["spec"].get("type") == "ExternalName":
            return
        behind = self.pods({"matchLabels": one["spec"].get("selector") or {"": ""}})
        if not behind:
            self.find(one, "its selector matches no pods")
        for port in one["spec"].get("ports", []):
            if "protocol" not in port:
                self.find(one, f"port {port['port']} has no protocol")
            target = port.get("targetPort")
            if isinstance(target, str) and behind and target not in self.port_names(behind):
                self.find(one, f"targetPort {target} is no port of its pods")

    def check_Ingress(self, one):
        services = self.named("Service")
        hosts = {host for tls in one["spec"].get("tls", []) for host in tls["hosts"]}
        for tls in one["spec"].get("tls", []):
            self.source(one, "Secret", tls.get("secretName"))
        for rule in one["spec"]["rules"]:
            if rule["host"] not in hosts:
                self.find(one, f"{rule['host']} has no certificate")
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                if service["name"] not in services:
                    self.find(one, f"there is no service {service['name']}")
                elif service["port"].get("name") not in {p["name"] for p in services[service["name"]]["spec"]["ports"]}:
                    self.find(one, f"{service['name']} has no port {service['port']}")

    def check_HorizontalPodAutoscaler(self, one):
        target = one["spec"]["scaleTargetRef"]
        if target["name"] not in self.named(target["kind"]):
            self.find(one, f"there is no {target['kind']} {target['name']}")
        if one["spec"].get("minReplicas", 1) > one["spec"]["maxReplicas"]:
            self.find(one, "minReplicas is over maxReplicas")

    def check_PodDisruptionBudget(self, one):
        behind = [two for two in self.pods(one["spec"]["selector"]) if two["kind"] in {"Deployment", "StatefulSet"}]
        if not behind:
            self.find(one, "its selector matches no pods")
        scalers = {two["spec"]["scaleTargetRef"]["name"]: two for two in self.named("HorizontalPodAutoscaler").values()}
        for two in behind:
            scaler = scalers.get(two["metadata"]["name"])
            least = scaler["spec"].get("minReplicas", 1) if scaler else two["spec"].get("replicas", 1)
            if one["spec"].get("minAvailable", 0) >= least or one["spec"].get("maxUnavailable", 1) < 1:
                self.find(one, f"lets no pod of {two['metadata']['name']} go")

    def check_NetworkPolicy(self, one):
        selector = one["spec"]["podSelector"]
        behind = self.pods(selector)
        if not behind:
            self.find(one, "its selector matches no pods")
        for rule in one["spec"].get("ingress", []):
            for port in rule.get("ports", []):
                if isinstance(port.get("port"), str) and port["port"] not in self.port_names(behind):
                    self.find(one, f"port {port['port']} is no port of its pods")
            for peer in rule.get("from", []):
                self.peer(one, peer)
        for rule in one["spec"].get("egress", []):
            for peer in rule.get("to", []):
                self.peer(one, peer)

    def peer(self, one, peer):
        if "podSelector" in peer and "namespaceSelector" not in peer and not self.pods(peer["podSelector"]):
            self.find(one, f"{peer['podSelector']} matches no pods")

    def check_RoleBinding(self, one):
        reference = one["roleRef"]
        if reference["name"] not in self.named(reference["kind"]):
            self.find(one, f"there is no {reference['kind']} {reference['name']}")

    def check_Role(self, one):
        for rule in one["rules"]:
            if "*" in rule["verbs"] + rule["resources"] or "secrets" in rule["resources"]:
                self.find(one, "allows everything, or reading secrets")


def findings(documents, given=()):
    return Linter(documents, given).run()
