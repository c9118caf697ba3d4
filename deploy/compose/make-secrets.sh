#!/bin/sh
# Makes what must be secret, once, into deploy/compose/secrets (or the folder named): a file each, readable by its owner
# alone. What is there already is kept. Every other host needs what lies in hosts/<its WORKER_HOST>; nothing else.
# HOST_A_ADDRESS, WORKER_HOST and WORKER_HOSTS are of the environment, or of .env beside this file.
set -eu
beside="$(dirname "$0")"
folder="${1:-$beside/secrets}"
setting() {
  sed -n "s/^$1=//p" "$beside/.env" 2> /dev/null || true
}
address="${HOST_A_ADDRESS:-$(setting HOST_A_ADDRESS)}"
own="${WORKER_HOST:-$(setting WORKER_HOST)}"
hosts="${WORKER_HOSTS:-$(setting WORKER_HOSTS)}"
[ -n "$address" ] || { echo "HOST_A_ADDRESS is not set, and there is no .env with it beside $0: host A's certificate names it" >&2; exit 2; }
command -v openssl > /dev/null || { echo "openssl is missing, which makes the certificates: apt-get install openssl" >&2; exit 2; }
[ ! -s "$folder/ca.crt" ] || [ -s "$folder/ca.key" ] || { echo "$folder holds what host A has given: secrets are made there alone" >&2; exit 2; }
umask 077
mkdir -p "$folder/git" "$folder/dags"

make() {
  [ -s "$folder/$1" ] || printf '%s' "$2" > "$folder/$1"
}

random() {
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

make postgres-password "$(random)"
make database-url "postgres://dagbook:$(cat "$folder/postgres-password")@postgres:5432/dagbook"
# Each service is a user of its own, with the rights that it needs.
for service in scheduler dispatcher gateway; do
  make "database-$service" "postgres://dagbook_$service:$(random)@postgres:5432/dagbook"
done
make token-secret "$(random)"
make jwt-secret "$(random)"
make worker-secret "$(random)"
make log-secret "$(random)"
make secrets-keys "$(random)"
make admin-password "$(random | cut -c 1-20)"

# Broker and gateway show host-a.pem; services and workers show the broker who they are by theirs. All are signed by ca.crt.
key() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2> /dev/null
}

# certify <file> <common name> <its use> <subject alternative names, or nothing>
certify() {
  [ ! -s "$folder/$1.pem" ] || return 0
  new="$(mktemp -d "$folder/new.XXXXXX")"
  key > "$new/key"
  {
    echo "basicConstraints=critical,CA:false"
    echo "keyUsage=critical,digitalSignature"
    echo "extendedKeyUsage=$3"
    [ -z "$4" ] || echo "subjectAltName=$4"
  } > "$new/extensions"
  openssl req -new -key "$new/key" -subj "/CN=$2" -out "$new/request"
  openssl x509 -req -in "$new/request" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -set_serial "0x$(random | cut -c 1-30)" -days 3650 -extfile "$new/extensions" -out "$new/certificate" 2> /dev/null
  cat "$new/key" "$new/certificate" > "$new/pem"
  mv "$new/pem" "$folder/$1.pem"
  rm -r "$new"
}

if [ ! -s "$folder/ca.crt" ]; then
  key > "$folder/ca.key"
  openssl req -x509 -new -key "$folder/ca.key" -subj "/CN=Dagbook of this site" -days 3650 \
    -addext "basicConstraints=critical,CA:true,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$folder/ca.crt"
fi
case "$address" in
  *:*) named="IP:$address" ;;
  *[!0-9.]*) named="DNS:$address" ;;
  *) named="IP:$address" ;;
esac
certify host-a dagbook-host-a serverAuth,clientAuth "DNS:kafka,DNS:api-gateway,DNS:localhost,IP:127.0.0.1,$named"
certify services dagbook-services clientAuth ""
# A worker shows that it is one of its host. Without WORKER_HOSTS all hosts share one certificate.
if [ -z "$hosts" ]; then
  certify worker dagbook-worker clientAuth ""
else
  for host in $(echo "$hosts" | tr ',' ' '); do
    case "$host" in *[!A-Za-z0-9._-]* | [._-]*) echo "WORKER_HOSTS holds '$host', but each must be a host's name, for example s21" >&2; exit 2 ;; esac
    mkdir -p "$folder/hosts/$host"
    certify "hosts/$host/worker" "dagbook-worker-$host" clientAuth ""
    cp "$folder/worker-secret" "$folder/ca.crt" "$folder/hosts/$host/"
  done
  if [ -s "$folder/hosts/$own/worker.pem" ]; then
    cp "$folder/hosts/$own/worker.pem" "$folder/worker.pem"
  else
    echo "WORKER_HOSTS is '$hosts', but must hold the WORKER_HOST of this host too, which is '$own'" >&2
    exit 2
  fi
fi
# The broker's image has a user of its own, which must be able to read these; nobody else gets past the folder.
chmod 700 "$folder"
chmod 644 "$folder/host-a.pem" "$folder/ca.crt"
echo "secrets are in $folder; the password of the user admin is in $folder/admin-password"
