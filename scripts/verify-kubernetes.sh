#!/usr/bin/env bash
# Runs the manifests and the runbook's commands against a real API server.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/verify-kubernetes.sh --binaries DIR

Starts etcd, kube-apiserver, kube-controller-manager and kube-scheduler on loopback with nodes that are simulated, applies the overlay `staging` and runs the
lines of the runbook: the migration alone, roll-outs, a version that does not come up, undo, scaling, eviction under a disruption budget, rights, the
scripts rollback.sh, db-rollback.sh --dry-run and canary.sh --dry-run. Prints one line for each. DIR holds the three programs of Kubernetes 1.20 (Debian's source
package `kubernetes`, make WHAT="cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler"); etcd is Debian's package etcd-server. Takes about two minutes.
TEXT
}

binaries=
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --binaries) binaries=$(realpath "${2:-}"); shift ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done
[ -x "$binaries/kube-apiserver" ] || { usage >&2; exit 64; }
need_packages etcd-server openssl curl jq
need_python
need_commands kubectl
folder=$(mktemp -d)
processes=()
cleanup() {
    kill "${processes[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
start() {
    "$@" >"$folder/$(basename "$1").log" 2>&1 &
    processes+=($!)
}

# The control plane.
cd "$folder"
openssl genrsa -out service.key 2048 2>/dev/null
openssl rsa -in service.key -pubout -out service.pub 2>/dev/null
api=$(free_port) store=$(free_port) peer=$(free_port)
for user in admin kube-controller-manager kube-scheduler; do
    openssl rand -hex 16 >"$user.token"
    group=
    case $user in admin) name=admin group=',system:masters' ;; *) name=system:$user ;; esac
    echo "$(cat "$user.token"),$name,$user$group" >>tokens.csv
    cat >"$user.kubeconfig" <<TEXT
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:$api", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: "$(cat "$user.token")"}}]
contexts: [{name: production, context: {cluster: c, user: u}}]
current-context: production
TEXT
done
export KUBECONFIG=$folder/admin.kubeconfig
start etcd --data-dir "$folder/etcd" --listen-client-urls "http://127.0.0.1:$store" --advertise-client-urls "http://127.0.0.1:$store" \
    --listen-peer-urls "http://127.0.0.1:$peer"
start "$binaries/kube-apiserver" --etcd-servers="http://127.0.0.1:$store" --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$api" \
    --cert-dir="$folder/pki" --service-cluster-ip-range=10.96.0.0/16 --token-auth-file="$folder/tokens.csv" --authorization-mode=RBAC \
    --service-account-key-file=service.pub --service-account-signing-key-file=service.key --service-account-issuer=https://kubernetes.default.svc \
    --endpoint-reconciler-type=none
for _ in {1..600}; do
    if [ "$(curl -sk --max-time 2 "https://127.0.0.1:$api/readyz" || true)" = ok ]; then break; fi
    sleep 0.2
done
start "$binaries/kube-controller-manager" --kubeconfig=kube-controller-manager.kubeconfig --service-account-private-key-file=service.key \
    --use-service-account-credentials=true --leader-elect=false --bind-address=127.0.0.1 --cert-dir="$folder/pki/manager" --port=0
start "$binaries/kube-scheduler" --kubeconfig=kube-scheduler.kubeconfig --leader-elect=false --bind-address=127.0.0.1 --cert-dir="$folder/pki/scheduler" --port=0
start python3 "$root/scripts/verify/simulated_nodes.py" "https://127.0.0.1:$api" admin.token

failed=0
# expect NAME COMMAND… : it succeeds. refuse NAME TEXT COMMAND… : it fails and says so.
expect() {
    local name=$1 answer
    shift
    if answer=$("$@" 2>&1); then echo "✓ $name"; else failed=$((failed + 1)); echo "✗ $name: ${answer##*$'\n'}"; fi
}
refuse() {
    local name=$1 text=$2 answer
    shift 2
    if answer=$("$@" 2>&1); then answer="it was allowed"; fi
    case $answer in *"$text"*) echo "✓ $name" ;; *) failed=$((failed + 1)); echo "✗ $name: ${answer##*$'\n'}" ;; esac
}
within() { timeout "$1" bash -c "until $2; do sleep 0.5; done"; }

# The manifests with the secrets that an operator fills in.
mkdir -p tree/services
cp -r "$root/deploy" tree/
for services in "$root"/services/*/k8s; do
    mkdir -p "tree/services/$(basename "$(dirname "$services")")"
    cp -r "$services" "tree/services/$(basename "$(dirname "$services")")/"
done
sed 's/=$/=value/' tree/deploy/k8s/secrets/plain/secrets.env.example >tree/deploy/k8s/secrets/plain/secrets.env
openssl rand -base64 32 >tree/deploy/k8s/secrets/plain/master.key
apply() { kubectl kustomize tree/deploy/k8s/overlays/staging | python3 "$root/scripts/verify/older_api.py" "$@" | kubectl apply -f -; }
n=(-n email-platform)
services=(auth smtp imap storage domain-manager)

expect "nodes are ready" within 60 "[ \"\$(kubectl get nodes --no-headers 2>/dev/null | grep -c ' Ready')\" = 3 ]"
expect "the migration alone is accepted" apply --phase migrate
expect "it completes" kubectl wait --for=condition=complete job/migrate "${n[@]}" --timeout=60s
expect "the whole overlay is accepted" apply
for service in "${services[@]}" mail-gateway; do
    expect "$service comes up" kubectl rollout status "deployment/$service" "${n[@]}" --timeout=120s
done
expect "applying again changes nothing" bash -c "kubectl get deployments ${n[*]} -o jsonpath='{.items[*].metadata.generation}' >before; $(declare -f apply); root=$root apply >/dev/null; kubectl get deployments ${n[*]} -o jsonpath='{.items[*].metadata.generation}' | cmp before -"
expect "autoscalers bring two replicas each" within 90 "[ \"\$(kubectl get deployment auth imap smtp ${n[*]} -o jsonpath='{.items[*].status.readyReplicas}')\" = '2 2 2' ]"
for service in "${services[@]}"; do
    expect "set image $service" kubectl set image "deployment/$service" "$service=email-platform/$service:v2.0.0" "${n[@]}"
    expect "$service rolls out" kubectl rollout status "deployment/$service" "${n[@]}" --timeout=120s
done
kubectl set image deployment/imap imap=email-platform/imap:bad "${n[@]}" >/dev/null
refuse "a version that does not come up is seen" "timed out" kubectl rollout status deployment/imap "${n[@]}" --timeout=10s
expect "meanwhile every replica of before serves" bash -c "[ \"\$(kubectl get deployment imap ${n[*]} -o jsonpath='{.status.availableReplicas}')\" -ge 2 ]"
# The health of a platform that is not here is the one thing that rollback.sh may miss.
refuse "rollback.sh undoes" "FAILED: the health is not good" "$root/scripts/rollback.sh" imap --no-notify --timeout 60s
expect "imap is what it was" bash -c "kubectl get deployment imap ${n[*]} -o jsonpath='{.spec.template.spec.containers[0].image}' | grep -q ':v2.0.0$'"
expect "scale smtp" kubectl scale deployment/smtp --replicas=4 "${n[@]}"
expect "four of smtp come up" kubectl rollout status deployment/smtp "${n[@]}" --timeout=60s
expect "canary.sh reads the deployment" env PROMETHEUS_URL=http://127.0.0.1:1 "$root/scripts/canary.sh" imap v3.0.0 --dry-run
expect "db-rollback.sh reads the deployments" bash -c "echo x | gzip >b.sql.gz; sha256sum b.sql.gz >b.sql.gz.sha256; POSTGRES_HOST=127.0.0.1 $root/scripts/db-rollback.sh --version v1.0.0 b.sql.gz --dry-run 2>&1 | grep -q 'replicas now:.*domain-manager 2'"
expect "scale all to zero" kubectl scale deployment --all --replicas=0 "${n[@]}"
expect "all are gone" within 60 "[ -z \"\$(kubectl get pods -l app.kubernetes.io/component=service ${n[*]} --no-headers 2>/dev/null)\" ]"
expect "scale all back" kubectl scale deployment --all --replicas=3 "${n[@]}"
for service in "${services[@]}"; do
    expect "$service comes back" kubectl rollout status "deployment/$service" "${n[@]}" --timeout=120s
done
evict() {
    local pod
    # One that is going already may be gone by the time it is asked for.
    pod=$(kubectl get pods -l app=auth --field-selector=status.phase=Running "${n[@]}" -o json |
        jq -r '[.items[] | select(.metadata.deletionTimestamp == null)][0].metadata.name')
    printf '{"apiVersion":"policy/v1beta1","kind":"Eviction","metadata":{"name":"%s","namespace":"email-platform"}}' "$pod" |
        kubectl create --raw "/api/v1/namespaces/email-platform/pods/$pod/eviction" -f -
}
kubectl cordon node1 node2 node3 >/dev/null
expect "one pod may be evicted" evict
refuse "a second at once may not" "disruption budget" evict
kubectl uncordon node1 node2 node3 >/dev/null
expect "the group of deployers may deploy" kubectl auth can-i patch deployments --as=x --as-group=oonrumail-deployers "${n[@]}"
refuse "and read no secrets" "no" kubectl auth can-i get secrets --as=x --as-group=oonrumail-deployers "${n[@]}"
refuse "who is on call may not delete" "no" kubectl auth can-i delete deployments --as=x --as-group=oonrumail-on-call "${n[@]}"
[ $failed = 0 ]
