#!/usr/bin/env bash
# Prints what the programs and an image are made of, as a CycloneDX document.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/sbom.sh [--version VERSION] [--image NAME [--builder docker|podman]] >sbom.json

A software bill of materials, CycloneDX 1.5 in JSON: the Swift packages with the versions that this checkout resolves, and with --image the
Debian packages in that image too.

  --version VERSION   of the platform; otherwise what `git describe` says
  --image NAME        such as email-platform/smtp:v1.0.0
  --builder PROGRAM   what runs the image (default docker)
  --help              this text
TEXT
}

version='' image='' builder=docker
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --version) version=${2:-}; shift ;;
        --image) image=${2:-}; shift ;;
        --builder) builder=${2:-}; shift ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done
need_commands jq swift
cd "$root"
version=${version:-$(git describe --tags --always --dirty)}
packages=$(swift package show-dependencies --format json)
debian=
if [ -n "$image" ]; then
    # shellcheck disable=SC2016 # dpkg-query expands them
    debian=$("$builder" run --rm --entrypoint dpkg-query "$image" -W -f '${Package} ${Version} ${Architecture}\n')
fi
jq -n --argjson packages "$packages" --arg debian "$debian" --arg version "$version" '
    def nested: ., (.dependencies[]? | nested);
    [$packages.dependencies[] | nested | {
        type: "library", name: .name, version: .version,
        purl: ("pkg:swift/" + (.url | sub("^https://"; "") | sub("\\.git$"; "")) + "@" + .version)
    }] as $swift
    | [$debian | split("\n")[] | select(. != "") | split(" ") | {
        type: "library", name: .[0], version: .[1], purl: "pkg:deb/debian/\(.[0])@\(.[1])?arch=\(.[2])"
    }] as $system
    | {
        bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
        metadata: {component: {type: "application", name: "oonrumail", version: $version, licenses: [{license: {id: "Apache-2.0"}}]}},
        components: ($swift + $system | unique_by(.purl))
    }'
