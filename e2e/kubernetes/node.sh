#!/usr/bin/env bash
# One Kubernetes node in namespaces of its own: node.sh WORK PROGRAMS KUBE_ROUTER COMMAND...
# It is process 1 there: when it ends, all ends. `__main__.py` starts it. Nothing of the machine is changed.
set -euo pipefail
work=$1 programs=$2 router=$3
shift 3
here=$PWD
mkdir -p "$work"/{log,etcd,kubelet,containerd,pods,containers,cni,run}
export PATH=$programs:$PATH

mount --make-rprivate /
mount --make-rshared /
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
# The kubelet sets these for the whole machine: it gets files instead.
for setting in vm/overcommit_memory kernel/panic kernel/panic_on_oops; do
  file=$work/run/${setting//\//_}
  case $setting in vm/*) echo 1 ;; kernel/panic) echo 10 ;; *) echo 1 ;; esac >"$file"
  mount --bind "$file" "/proc/sys/$setting"
done
place() {
  mkdir -p "$2"
  mount --bind "$1" "$2"
}
place "$work/kubelet" /var/lib/kubelet
mount --make-rshared /var/lib/kubelet
place "$work/containerd" /var/lib/containerd
place "$work/pods" /var/log/pods
place "$work/containers" /var/log/containers
place "$work/cni" /etc/cni/net.d
place /usr/lib/cni /opt/cni/bin

# ----- network: a bridge that pods hang on, and no way out -----
ip link set lo up
ip link add cni0 type bridge
ip address add 10.244.0.1/24 dev cni0
ip link set cni0 up
ip route add 10.96.0.0/24 dev cni0
echo 1 >/proc/sys/net/ipv4/ip_forward
cat >"$work/cni/10-test.conflist" <<'CNI'
{"cniVersion": "0.4.0", "name": "test", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/ipam"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
CNI

# ----- certificates and tokens -----
pki=$work/pki
mkdir -p "$pki"
cd "$pki"
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -days 2 -subj /CN=test -out ca.crt 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out api.key
openssl req -new -key api.key -subj /CN=kube-apiserver -out api.csr 2>/dev/null
printf 'subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:10.244.0.1\n' >api.ext
openssl x509 -req -in api.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile api.ext -out api.crt 2>/dev/null
openssl genrsa -out accounts.key 2048 2>/dev/null
openssl rsa -in accounts.key -pubout -out accounts.pub 2>/dev/null
cat >tokens.csv <<'TOKENS'
admin,admin,admin,system:masters
controllers,system:kube-controller-manager,controllers
scheduler,system:kube-scheduler,scheduler
proxy,system:kube-proxy,proxy,system:node-proxier
node,system:node:test,node,system:nodes
TOKENS
for who in admin controllers scheduler proxy node; do
  cat >"$who.conf" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:6443", certificate-authority: $pki/ca.crt}}]
users: [{name: $who, user: {token: $who}}]
contexts: [{name: test, context: {cluster: test, user: $who}}]
current-context: test
CONFIG
done
export KUBECONFIG=$pki/admin.conf
cd "$here"

# ----- the programs -----
start() {
  local name=$1
  shift
  "$@" >"$work/log/$name.log" 2>&1 &
}
await() { # what, seconds, command...
  local what=$1 until=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS > until)); then
      echo "node.sh: $what is not up" >&2
      tail -n 20 "$work"/log/*.log >&2
      exit 1
    fi
    sleep 0.2 # the interval of asking, not a hope: the condition decides
  done
}
start etcd etcd --data-dir "$work/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster default=http://127.0.0.1:2380
start api kube-apiserver --etcd-servers=http://127.0.0.1:2379 --authorization-mode=Node,RBAC --token-auth-file="$pki/tokens.csv" \
  --tls-cert-file="$pki/api.crt" --tls-private-key-file="$pki/api.key" --client-ca-file="$pki/ca.crt" \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/accounts.pub" \
  --service-account-signing-key-file="$pki/accounts.key" --service-cluster-ip-range=10.96.0.0/24 --advertise-address=10.244.0.1 \
  --allow-privileged=true --kubelet-preferred-address-types=InternalIP --secure-port=6443 --cert-dir="$work/run"
cat >"$work/containerd.toml" <<TOML
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.test/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
TOML
start containerd containerd --config "$work/containerd.toml"
# Names: those of services are written to a file by the tests.
mkdir -p "$work/hosts"
start dns dnsmasq --keep-in-foreground --no-resolv --no-hosts --hostsdir="$work/hosts" --listen-address=10.244.0.1 --bind-interfaces --log-facility=- --user=root --pid-file=
await etcd 60 bash -c '</dev/tcp/127.0.0.1/2379'
await 'the API server' 120 kubectl get --raw /readyz
start controllers kube-controller-manager --kubeconfig="$pki/controllers.conf" --leader-elect=false --use-service-account-credentials=true \
  --service-account-private-key-file="$pki/accounts.key" --root-ca-file="$pki/ca.crt" --cert-dir="$work/run"
start scheduler kube-scheduler --kubeconfig="$pki/scheduler.conf" --leader-elect=false --cert-dir="$work/run"
cat >"$work/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 10.244.0.1
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /blotter-test
failCgroupV1: false
failSwapOn: false
hairpinMode: none
resolvConf: ""
clusterDomain: cluster.local
clusterDNS: [10.244.0.1]
localStorageCapacityIsolation: false
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
enforceNodeAllocatable: []
makeIPTablesUtilChains: false
configMapAndSecretChangeDetectionStrategy: Watch
# A changed Secret reaches its files when its pod is looked at again; by default that is once a minute.
syncFrequency: 3s
YAML
await containerd 60 ctr --address /run/containerd/containerd.sock version
start kubelet kubelet --config="$work/kubelet.yaml" --kubeconfig="$pki/node.conf" --hostname-override=test --node-ip=10.244.0.1 --cert-dir="$work/run/kubelet"
cat >"$work/proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: test
clientConnection: {kubeconfig: $pki/proxy.conf}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
YAML
start proxy kube-proxy --config="$work/proxy.yaml"
await 'the node' 120 bash -c 'kubectl get node test -o jsonpath="{.status.conditions[?(@.type==\"Ready\")].status}" | grep -q True'
# It asks for its node once.
start router "$router" --kubeconfig="$pki/admin.conf" --hostname-override=test --run-router=false --run-firewall=true --run-service-proxy=false
await 'the policies' 60 bash -c 'iptables-save | grep -q KUBE-ROUTER'

export BLOTTER_TEST_NODE=$work
"$@" &
command=$!
code=0
# Process 1 reaps what others leave.
wait "$command" || code=$?
exit $code
