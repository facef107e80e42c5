#!/usr/bin/env bash
# Installs the companions that some tests use, where root and apt-get are at hand.
# Without them those tests are skipped by name; this script never fails a build.
set -u
packages=(postgresql-15 postgresql-15-hypopg postgresql-15-plpgsql-check pgbouncer prometheus prometheus-alertmanager)
missing=()
for name in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed (needs root and apt-get): ${missing[*]}"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/pgvigil-tests.conf
apt-get update -qq >/dev/null 2>&1
for name in "${missing[@]}"; do
  apt-get install -y -qq --no-install-recommends "$name" >/dev/null 2>&1 ||
    echo "could not install $name; tests that need it will be skipped by name"
done
