#!/bin/sh
# Run by the postgres image when its data folder is empty.
set -eu
psql --no-psqlrc --username "$POSTGRES_USER" --dbname postgres --file /etc/homepot/roles.sql
