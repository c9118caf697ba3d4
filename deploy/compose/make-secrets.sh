#!/bin/sh
# Makes what must be secret, once, into deploy/compose/secrets (or the folder named): a file each, readable by its owner
# alone. What is there already is kept. Host B needs `worker-secret` of host A, and nothing else.
set -eu
folder="${1:-$(dirname "$0")/secrets}"
umask 077
mkdir -p "$folder"

make() {
  [ -s "$folder/$1" ] || printf '%s' "$2" > "$folder/$1"
}

random() {
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

make postgres-password "$(random)"
make database-url "postgres://dagbook:$(cat "$folder/postgres-password")@postgres:5432/dagbook"
make token-secret "$(random)"
make jwt-secret "$(random)"
make worker-secret "$(random)"
make log-secret "$(random)"
make secrets-keys "$(random)"
make admin-password "$(random | cut -c 1-20)"
echo "secrets are in $folder; the password of the user admin is in $folder/admin-password"
