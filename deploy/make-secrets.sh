#!/bin/sh
# Make the secrets that docker-compose.yml names, as files in secrets/; what is there stays.
# Usage: deploy/make-secrets.sh     SACLIP names the command, such as `docker run --rm saclip:0.1.0`.
set -eu
cd "$(dirname "$0")/.."
saclip="${SACLIP:-.venv/bin/saclip}"
umask 022 # the container's user must read the files; the folder keeps everybody else out
mkdir -p secrets
chmod 700 secrets

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

key() { # name scope...: the line goes to the file of keys, the key itself is shown once
    name="$1"
    shift
    options=""
    for scope in "$@"; do options="$options --scope $scope"; done
    # shellcheck disable=SC2086 # words on purpose
    $saclip keys new "$name" $options 2>secrets/.key >>secrets/api_keys
    sed -n 's/^key (shown only now): //p' secrets/.key
    rm secrets/.key
}

if [ ! -e secrets/api_keys ]; then
    echo "admin key: $(key admin admin)"
    key prometheus metrics >secrets/metrics_key
fi
[ -e secrets/token_secret ] || random >secrets/token_secret
if [ ! -e secrets/grafana_password ]; then
    random | cut -c1-24 >secrets/grafana_password
    echo "Grafana: user admin, password in secrets/grafana_password"
fi
