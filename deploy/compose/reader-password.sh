#!/bin/sh
# The password of tmex_reader, out of a secret: run by PostgreSQL's image once, after the script that makes the role.
# psql reads it itself, for what stands among a program's arguments can be seen by others.
set -eu
: "${READER_PASSWORD_FILE:=/run/secrets/reader_password}"
export READER_PASSWORD_FILE
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `cat "$READER_PASSWORD_FILE"`
ALTER ROLE tmex_reader PASSWORD :'password';
SQL
