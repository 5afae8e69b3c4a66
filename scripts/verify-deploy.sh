#!/usr/bin/env bash
# What is too slow for every change: builds the images for real and starts them.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/verify-deploy.sh [--folder DIR] [--configuration release|debug] [--jobs N] [--skip-build]

Builds every image with buildah, starts each service in its own as user 10001 with a read-only root, on a private PostgreSQL, and asks
for its health; says how large the images are. Where there is no registry, the base images are made here: Debian's by debootstrap from the mirror
of this machine, Swift's with the toolchain of this machine, bound into the build. Needs root and about 6 GB; takes about 20 minutes.

  --folder DIR       for everything that is made (default: a temporary folder, removed at the end)
  --configuration    how to build (default release)
  --jobs N           compiler processes at once
  --skip-build       start the images that an earlier run left in --folder
  --help             this text
TEXT
}

folder='' configuration=release jobs='' skip_build=no
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --folder) folder=${2:-}; shift ;;
        --configuration) configuration=${2:-}; shift ;;
        --jobs) jobs=${2:-}; shift ;;
        --skip-build) skip_build=yes ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done
[ "$(id -u)" = 0 ] || die "needs root"
need_packages buildah debootstrap runc util-linux postgresql openssl curl
need_swift
temporary=
if [ -z "$folder" ]; then folder=$(mktemp -d) temporary=yes; fi
mkdir -p "$folder"
folder=$(realpath "$folder")
export STORAGE_DRIVER=overlay BUILDAH_ISOLATION=chroot
buildah() { command buildah --root "$folder/images" --runroot "$folder/run" "$@"; }
has_image() { buildah inspect --type image "$1" >/dev/null 2>&1; }

started=()
cleanup() {
    local process
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    for process in "${started[@]}"; do wait "$process" 2>/dev/null || true; done
    buildah umount --all >/dev/null 2>&1 || true
    if [ -d "$folder/postgres" ]; then as_postgres pg_ctl -D "$folder/postgres" -m immediate -w stop >/dev/null 2>&1 || true; fi
    if [ -n "$temporary" ]; then rm -rf "$folder"; fi
}
trap cleanup EXIT

# The base images, from this machine.

debian=docker.io/library/debian:bookworm-slim
swift=docker.io/library/swift:6.3-bookworm
toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
mounts=(-v "$toolchain:$toolchain:ro")
# Package sources that git takes from this machine.
sources=$(git config --get-regexp '^url\..*\.insteadof$' | sed -nE 's#^url\.(/[^ ]*)\.insteadof https://github.com/$#\1#p' | head -1)
[ -z "$sources" ] || mounts+=(-v "$sources:$sources:ro")

make_debian() {
    local tree=$folder/debian container mirror
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]*/debian/?( |$)' | grep -v snapshot | head -1 || true)
    mirror=${mirror% } mirror=${mirror:-http://deb.debian.org/debian}
    say "Debian from $mirror"
    [ -f "$tree/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$tree" "$mirror" >"$folder/debootstrap.log" || die "debootstrap failed"
    rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,locale,info}/*
    printf 'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\nAPT::Keep-Downloaded-Packages "false";\n' >"$tree/etc/apt/apt.conf.d/docker-clean"
    printf 'path-exclude /usr/share/doc/*\npath-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n' >"$tree/etc/dpkg/dpkg.cfg.d/docker"
    printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
    chmod 755 "$tree/usr/sbin/policy-rc.d"
    container=$(buildah from scratch)
    tar -C "$tree" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' -cf "$folder/debian.tar" .
    buildah add -q "$container" "$folder/debian.tar" / >/dev/null
    buildah config --cmd '["bash"]' --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit -q --rm "$container" "$debian" >/dev/null
}

make_swift() {
    cat >"$folder/Dockerfile.swift" <<TEXT
FROM $debian
RUN apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends binutils ca-certificates git gnupg2 \
    libc6-dev libcurl4-openssl-dev libedit2 libgcc-12-dev libncurses6 libpython3-dev libsqlite3-0 libstdc++-12-dev libxml2-dev libz3-dev \
    pkg-config tzdata unzip zlib1g-dev && rm -rf /var/lib/apt/lists/*
ENV PATH=$toolchain/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN printf '[url "$sources"]\n\tinsteadOf = https://github.com/\n[safe]\n\tdirectory = *\n' > /etc/gitconfig
TEXT
    buildah bud -q --format docker -t "$swift" -f "$folder/Dockerfile.swift" "$folder" >/dev/null
}

has_image "$debian" || make_debian
has_image "$swift" || make_swift

# scripts/build-images.sh calls a program named buildah.
mkdir -p "$folder/bin"
printf '#!/bin/sh\nexec "%s" --root "%s" --runroot "%s" "$@"\n' "$(type -P buildah)" "$folder/images" "$folder/run" >"$folder/bin/buildah"
chmod 755 "$folder/bin/buildah"
version=v0.0.0-verify
if [ $skip_build = no ]; then
    say "building; the log is $folder/build.log"
    PATH=$folder/bin:$PATH "$root/scripts/build-images.sh" --builder buildah --version $version -- --pull-never "${mounts[@]}" \
        --build-arg "CONFIGURATION=$configuration" --build-arg "JOBS=$jobs" >"$folder/build.log" 2>&1 || die "$(tail -20 "$folder/build.log")"
fi

# Each service in its image, on one database.

as_postgres() { (cd / && PATH=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -1):$PATH exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
chmod 755 "$folder"
rm -rf "$folder/postgres" "$folder/volumes"
install -d -o postgres -m 700 "$folder/postgres"
port=$(free_port)
as_postgres initdb -D "$folder/postgres" -U oonrumail -A trust --no-sync >/dev/null
as_postgres pg_ctl -D "$folder/postgres" -l "$folder/postgres/log" -w -o "-c port=$port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start >/dev/null
psql -Xq -h 127.0.0.1 -p "$port" -U oonrumail -d postgres -c 'CREATE DATABASE oonrumail'
mkdir -p "$folder/secrets"
openssl rand -base64 32 >"$folder/secrets/master.key"
chown 10001:10001 "$folder/secrets/master.key"
chmod 400 "$folder/secrets/master.key"

settings=(
    POSTGRES_HOST=127.0.0.1 "POSTGRES_PORT=$port" POSTGRES_USER=oonrumail POSTGRES_DB=oonrumail POSTGRES_SSLMODE=disable
    OONRUMAIL_MASTER_KEY_FILE=/secrets/master.key OONRUMAIL_DATA=/var/lib/oonrumail OONRUMAIL_HOSTNAME=mail.example.test
)
failed=0
# enter TREE VOLUME COMMAND… : in a private mount namespace, the image's root read-only, a volume for its data, as its user, without capabilities.
# Becomes the command, so that its process is the one to be ended: for subshells alone.
# shellcheck disable=SC2016 # the inner shell expands them
enter() {
    exec unshare --mount -- bash -euc '
        tree=$1 volume=$2 secrets=$3
        shift 3
        mount --bind "$tree" "$tree"
        mount -t tmpfs tmpfs "$tree/tmp"
        mount -t proc proc "$tree/proc"
        mount --bind /dev "$tree/dev"
        mkdir -p "$tree/secrets"
        mount --bind "$secrets" "$tree/secrets"
        mount --bind "$volume" "$tree/var/lib/oonrumail"
        mount -o remount,bind,ro "$tree"
        exec chroot "$tree" /usr/bin/setpriv --reuid=10001 --regid=10001 --clear-groups --bounding-set=-all --inh-caps=-all \
            --no-new-privs /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin "$@"
    ' enter "$1" "$2" "$folder/secrets" "${@:3}"
}

# Sets tree and volume for an image.
open_image() {
    local container
    container=$(buildah from --pull-never "email-platform/$1:$version")
    tree=$(buildah mount "$container")
    volume=$folder/volumes/$1
    install -d -o 10001 -g 10001 "$volume"
    [ "$(buildah inspect --type image --format '{{.OCIv1.Config.User}}' "email-platform/$1:$version")" = 10001:10001 ] || die "$1 does not run as 10001"
}

# start IMAGE [ARGUMENT]
start() {
    local image=$1 program http status=000 try names=() name
    open_image "$image"
    program=$(buildah inspect --type image --format '{{index .OCIv1.Config.Entrypoint 0}}' "email-platform/$image:$version")
    http=$(free_port)
    for name in SMTP SUBMISSION SUBMISSIONS IMAP IMAPS; do names+=("OONRUMAIL_${name}_PORT=$(free_port)"); done
    enter "$tree" "$volume" "${settings[@]}" "${names[@]}" "OONRUMAIL_HTTP_PORT=$http" "$program" "${@:2}" >"$folder/$image.log" 2>&1 &
    started+=($!)
    for try in {1..240}; do
        status=$(curl -s -o /dev/null -w '%{http_code}' --max-time 5 "http://127.0.0.1:$http/ready" || true)
        [ "$status" != 200 ] || break
        [ "$try" = 240 ] || sleep 0.5
    done
    if [ "$status" = 200 ] && chroot --userspec=10001:10001 "$tree" /usr/bin/env "OONRUMAIL_HTTP_PORT=$http" /usr/local/bin/healthy; then
        echo "✓ $image answers, read-only, as user 10001, without capabilities"
    else
        failed=$((failed + 1))
        echo "✗ $image: HTTP $status: $(tail -2 "$folder/$image.log")"
    fi
}

# The jobs of the cluster: a backup, and its proof by a server inside the container.
operate() {
    local scripts=/opt/oonrumail/scripts/backups answer
    open_image operations
    if answer=$(enter "$tree" "$volume" "${settings[@]}" BACKUP_DIR=/var/lib/oonrumail/backups /bin/bash -c \
        "$scripts/backup-postgres.sh && exec $scripts/verify-backup.sh" 2>&1); then
        echo "✓ operations: ${answer##*$'\n'}"
    else
        failed=$((failed + 1))
        echo "✗ operations: $answer"
    fi
}
for image in storage auth domain-manager smtp imap; do start $image; done
start oonrumail serve
operate
buildah images --format '{{.Name}}:{{.Tag}} {{.Size}}' | grep -E '/(runtime|auth|smtp|imap|storage|domain-manager|oonrumail|operations):' | sort
[ $failed = 0 ]
