#!/usr/bin/env bash
# Build the real Dockerfile and prove the image, without a Docker daemon and without docker.io.
# Needs root and: buildah podman runc mmdebstrap (Debian). Base images are made here from Debian's
# packages and given the names that the Dockerfile asks for; what is proven is the Dockerfile.
# Usage: deploy/test-image.sh [context]     IMAGE_CACHE names the folder that keeps the bases.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
context="${1:-$root}"
cache="${IMAGE_CACHE:-$root/build/image-test}"
max_mb=900

for tool in buildah podman runc mmdebstrap curl; do
    command -v "$tool" >/dev/null || { echo "image-test: $tool is missing" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "image-test: it needs root" >&2; exit 1; }

mkdir -p "$cache"
work="$(mktemp -d)"
store=(--root "$cache/storage" --runroot "$cache/run" --storage-driver overlay)
export CONTAINERS_CONF="$cache/containers.conf"
# Three lines that podman needs where cgroups are mixed and limits may not be raised.
cat >"$CONTAINERS_CONF" <<'CONF'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
CONF
name="saclip-image-test-$$"
cleanup() {
    podman "${store[@]}" rm -f -t 0 "$name" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

base() { # image packages...: a base image of Debian's packages under the official name
    image="$1"
    shift
    buildah "${store[@]}" inspect --type image "$image" >/dev/null 2>&1 && return
    packages="$(IFS=,; echo "$*")"
    mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" bookworm "$work/root.tar"
    container="$(buildah "${store[@]}" from scratch)"
    buildah "${store[@]}" add -q "$container" "$work/root.tar" / >/dev/null
    buildah "${store[@]}" run --isolation chroot "$container" -- sh -c \
        'test ! -e /usr/bin/python3 || ln -sf /usr/bin/python3 /usr/local/bin/python; rm -f /usr/lib/python3*/EXTERNALLY-MANAGED'
    buildah "${store[@]}" config --env LANG=C.UTF-8 --cmd sh \
        --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah "${store[@]}" commit -q --rm "$container" "$image" >/dev/null
    rm "$work/root.tar"
}

echo "== base images"
base docker.io/library/python:3.11-slim-bookworm ca-certificates python3 python3-venv
base docker.io/library/node:22-bookworm-slim ca-certificates nodejs npm

echo "== build"
# A registry mirror or an inspecting proxy of this machine must hold inside the build too.
extra=()
for file in "${SSL_CERT_FILE:-}" /etc/pip.conf; do
    [ -z "$file" ] || [ ! -e "$file" ] || extra+=(-v "$file:$file:ro")
done
for variable in SSL_CERT_FILE PIP_CERT NODE_EXTRA_CA_CERTS; do
    [ -z "${!variable:-}" ] || extra+=(--env "$variable=${!variable}")
done
started=$SECONDS
buildah "${store[@]}" bud --isolation chroot --pull-never --layers --format docker "${extra[@]}" \
    --target cpu -t saclip:test "$context" >"$work/build.log" 2>&1 ||
    { tail -40 "$work/build.log" >&2; exit 1; }
size=$(($(podman "${store[@]}" image inspect --format '{{.Size}}' saclip:test) / 1000000))
echo "built in $((SECONDS - started)) s, ${size} MB"
[ "$size" -lt "$max_mb" ] || { echo "larger than $max_mb MB" >&2; exit 1; }

echo "== run: read-only, no capabilities, keys on"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
run=(podman "${store[@]}" run --pull never --network host --read-only --cap-drop all
    --security-opt no-new-privileges)
once=("${run[@]}" --rm --no-healthcheck)
mkdir "$work/data"
chown 10001:10001 "$work/data"
"${once[@]}" saclip:test keys new test --scope admin >"$work/keys" 2>"$work/key"
key="$(sed -n 's/^key (shown only now): //p' "$work/key")"
if "${once[@]}" --tmpfs /tmp -v "$work/data:/data" saclip:test serve --port "$port" 2>"$work/no-keys"; then
    echo "it started without keys" >&2; exit 1
fi
grep -q SACLIP_API_KEYS_FILE "$work/no-keys"
"${once[@]}" --entrypoint python saclip:test -c \
    'import importlib.util as u, os; assert not u.find_spec("torch"); assert os.getuid() == 10001'
started_ms=$(date +%s%3N)
# Without systemd podman has no timer for the health check and says so; it is asked by hand below.
"${run[@]}" -d --name "$name" --tmpfs /tmp -v "$work/data:/data" -v "$work/keys:/run/keys:ro" \
    --env SACLIP_API_KEYS_FILE=/run/keys --env SACLIP_PORT="$port" --memory 2g saclip:test serve --host 127.0.0.1 \
    >/dev/null 2>"$work/run.log" || { cat "$work/run.log" >&2; exit 1; }
url="http://127.0.0.1:$port"
for _ in $(seq 150); do
    curl -fsS "$url/readyz" >/dev/null 2>&1 && break
    sleep 0.2
done
curl -fsS "$url/readyz"
echo " after $(($(date +%s%3N) - started_ms)) ms"

echo "== use"
# Any JPEG will do; this one is made by the image itself.
"${once[@]}" --entrypoint python saclip:test -c \
    'import cv2, numpy, sys; sys.stdout.buffer.write(cv2.imencode(".jpg", numpy.full((360, 640, 3), 90, "uint8"))[1].tobytes())' >"$work/frame.jpg"
[ "$(curl -s -o /dev/null -w '%{http_code}' -F "image=@$work/frame.jpg" "$url/frames/score")" = 401 ]
curl -fsS -H "X-API-Key: $key" -F "image=@$work/frame.jpg" "$url/frames/score" | python3 -c \
    'import json, sys; print("probability", json.load(sys.stdin)["results"][0]["probability"])'
curl -fsS -o "$work/page" "$url/"
grep -qi "<html" "$work/page"
curl -fsS -H "X-API-Key: $key" -o "$work/metrics" "$url/metrics"
grep -q '^saclip_build_info' "$work/metrics"
podman "${store[@]}" healthcheck run "$name" 2>"$work/health.log" || { cat "$work/health.log" >&2; exit 1; }

echo "== stop"
stopped=$(date +%s%3N)
podman "${store[@]}" stop -t 30 "$name" >/dev/null
code="$(podman "${store[@]}" inspect --format '{{.State.ExitCode}}' "$name")"
echo "exit $code after $(($(date +%s%3N) - stopped)) ms"
[ "$code" = 0 ]
echo "image-test: passed"
