#!/bin/sh
# Install what the project needs of the system, where that is missing and may be done.
# Usage: system-packages.sh venv|train
set -eu

need() { # package... : install, or say what to type
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "saclip: missing system packages; run: sudo apt-get install $*" >&2
        exit 1
    fi
}

command -v python3 >/dev/null || need python3
case "${1:-}" in
venv)
    python3 -c 'import ensurepip, venv' 2>/dev/null || need python3-venv
    ;;
train)
    python3 -c 'import ensurepip, venv' 2>/dev/null || need python3-venv
    # OpenCV as ultralytics brings it opens these two at import.
    ldconfig -p | grep -q libGL.so.1 && ldconfig -p | grep -q libgthread-2.0 || need libgl1 libglib2.0-0
    ;;
*)
    echo "usage: $0 venv|train" >&2
    exit 2
    ;;
esac
