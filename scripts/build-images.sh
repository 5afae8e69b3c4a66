#!/usr/bin/env bash
# Builds the images of all services.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/build-images.sh [--version VERSION] [--registry NAME] [--builder PROGRAM] [--push] [--dry-run] [IMAGE…] [-- OPTION…]

Builds NAME/build and NAME/runtime from Dockerfile.base, then NAME/auth, smtp, imap, storage, domain-manager, oonrumail and operations (or the given
ones), each as :VERSION. Prints the size of each.

  --version VERSION   otherwise what `git describe` says
  --registry NAME     before the images' names; otherwise IMAGE_REGISTRY or email-platform
  --builder PROGRAM   docker (default), podman or buildah
  --push              push what was built, except build and runtime
  --dry-run           print the commands
  -- OPTION…          for every build, such as --platform linux/arm64 or --build-arg JOBS=2
  --help              this text

A builder for HEALTHCHECK must write Docker's format: for podman and buildah --format docker is added.
TEXT
}

version='' registry='' builder=docker push=no images=() options=()
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --version) version=${2:-}; shift ;;
        --registry) registry=${2:-}; shift ;;
        --builder) builder=${2:-}; shift ;;
        --push) push=yes ;;
        --dry-run) dry_run=yes ;;
        --) shift; options=("$@"); break ;;
        -*) usage >&2; exit 64 ;;
        *) images+=("$1") ;;
    esac
    shift
done
[ ${#images[@]} != 0 ] || images=(auth smtp imap storage domain-manager oonrumail operations)
registry=${registry:-${IMAGE_REGISTRY:-email-platform}}
version=${version:-$(git -C "$root" describe --tags --always --dirty)}
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
cd "$root"

case $builder in
    docker) build=(docker build) ;;
    podman) build=(podman build --format docker) ;;
    buildah) build=(buildah bud --format docker --layers) ;;
    *) die "--builder takes docker, podman or buildah" ;;
esac
[ "$dry_run" = yes ] || need_commands "$builder"

dockerfile() {
    case $1 in
        smtp | imap) echo "services/$1-server/Dockerfile" ;;
        operations) echo deploy/images/Dockerfile.operations ;;
        *) echo "services/$1/Dockerfile" ;;
    esac
}
for image in "${images[@]}"; do
    [ -f "$(dockerfile "$image")" ] || die "there is no image $image"
done

# The last stages are `latest` too: a single image is then built by `docker build -f services/NAME/Dockerfile .` alone.
for stage in build runtime; do
    run "${build[@]}" "${options[@]}" --target $stage -t "$registry/$stage:$version" -t "$registry/$stage:latest" -f Dockerfile.base .
done
for image in "${images[@]}"; do
    run "${build[@]}" "${options[@]}" --build-arg "BUILD_IMAGE=$registry/build:$version" \
        --build-arg "RUNTIME_IMAGE=$registry/runtime:$version" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
        -t "$registry/$image:$version" -f "$(dockerfile "$image")" .
done
for image in runtime "${images[@]}"; do
    run "$builder" images "$registry/$image:$version"
done
if [ $push = yes ]; then
    for image in "${images[@]}"; do
        run "$builder" push "$registry/$image:$version"
    done
fi
