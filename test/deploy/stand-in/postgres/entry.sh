#!/bin/bash
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --auth-local=trust --encoding=UTF8 --locale=C.UTF-8 > /dev/null
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl --wait --options="-c listen_addresses=''" start > /dev/null
  createdb --username="$POSTGRES_USER" --host=/var/run/postgresql "$POSTGRES_DB" || true
  pg_ctl --wait --mode=fast stop > /dev/null
fi
exec "$@" -c listen_addresses='*'
