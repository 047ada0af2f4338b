#!/bin/sh
# Install what the project needs of the system, where that is missing and may be done.
# Usage: system-packages.sh venv|train|tests|image
set -eu
PATH="$PATH:/usr/sbin:/sbin" # ldconfig is there, which an ordinary user's PATH leaves out
python="${PYTHON:-python3}"

need() { # package... : install, or say what to type
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        exec 9<"$0" # two environments may be made at once
        flock 9
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
        exec 9<&-
    else
        echo "saclip: missing system packages; run: sudo apt-get install $*" >&2
        exit 1
    fi
}

command -v "$python" >/dev/null || need "$python"
case "${1:-}" in
venv)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || need python3-venv
    ;;
train)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || need python3-venv
    # OpenCV as ultralytics brings it opens these two at import.
    libraries="$(ldconfig -p)"
    case "$libraries" in
    *libGL.so.1*libgthread-2.0* | *libgthread-2.0*libGL.so.1*) ;;
    *) need libgl1 libglib2.0-0 ;;
    esac
    ;;
tests)
    # Their tests skip without them, so a machine where they cannot be installed goes on.
    command -v chromium >/dev/null || (need chromium fonts-dejavu-core) || true
    command -v redis-server >/dev/null || (need redis-server) || true
    command -v prometheus >/dev/null || (need prometheus) || true
    command -v faketime >/dev/null || (need faketime) || true
    ;;
image)
    missing=""
    for tool in buildah podman runc mmdebstrap curl; do
        command -v "$tool" >/dev/null || missing="$missing $tool"
    done
    # shellcheck disable=SC2086 # words on purpose
    [ -z "$missing" ] || need $missing
    ;;
*)
    echo "usage: $0 venv|train|tests|image" >&2
    exit 2
    ;;
esac
