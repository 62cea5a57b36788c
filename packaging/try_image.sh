#!/bin/bash
# try_image.sh FOLDER DATABASE_URL [CCACHE]: builds the image from the Dockerfile on a base of debootstrap's, starts it as
# an orchestrator would (not root, no capability, read-only), and asks it. Wants root, and a disposable database on this
# host. Images and layers are kept in FOLDER, apart from the system's.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
folder=$1 database=$2 ccache=${3:-} image=localhost/gridlight:0.1.0 base=localhost/gridlight-base:12
mkdir -p "$folder"
folder=$(realpath "$folder")
say() { printf 'image: %s\n' "$*" >&2; }
storage=(--root "$folder/storage" --runroot "$folder/run")
# Where the kernel shows both versions of cgroups crun gives up: in namespaces of its own there is one.
pod() {
  unshare --mount bash -c 'mount --make-rprivate /
    if mountpoint -q /sys/fs/cgroup/unified; then umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup; fi
    exec podman "$@"' - "${storage[@]}" --runtime crun --cgroup-manager cgroupfs --events-backend file --log-level fatal "$@"
}
name=gridlight-try-$$ port=18473 running=no
end() { [[ $running == no ]] || pod rm --force --time 1 "$name" >/dev/null 2>&1 || true; }
trap end EXIT
fail() {
  say "$*"
  pod logs "$name" >&2 2>/dev/null || true
  exit 1
}

"$here/debian_base.sh" "$folder/.."
if ! buildah "${storage[@]}" inspect --type image "$base" >/dev/null 2>&1; then
  say 'taking it for the base image'
  tar -C "$folder/../base" -c . | pod import --quiet - "$base" >/dev/null
fi
say "building the image (log: $folder/build.log)"
# With the sources where they are here, what the compiler's cache holds serves.
volume=(--build-arg SOURCE="$(realpath "$here/..")")
[[ -z $ccache ]] || volume+=(--volume "$ccache:/root/.cache/ccache")
buildah "${storage[@]}" bud --isolation chroot --format docker --layers "${volume[@]}" --build-arg BASE="$base" \
  --build-arg REVISION="$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)" -t "$image" \
  -f "$here/../Dockerfile" "$here/.." >"$folder/build.log" 2>&1 || { tail -n 20 "$folder/build.log" >&2; exit 1; }
pod images --format '{{.Repository}}:{{.Tag}} {{.Size}}' "$image" >&2

# ------------------------------------------------------------------------------------------------------ contents
root=$(buildah "${storage[@]}" from --pull-never "$image")
tree=$(buildah "${storage[@]}" mount "$root")
say "$(find "$tree" -type f | wc -l) files; programs: $(find "$tree" -type f -perm /111 ! -name '*.so*' -printf '/%P ' | tr '\n' ' ')"
(cd "$tree" && du -xk --max-depth=4 . | sort -rn | head -n 8) >&2
[[ $(find "$tree/usr/bin" "$tree/usr/sbin" -type f 2>/dev/null | wc -l) == 1 ]] || fail 'there are other programs than gridlight'
[[ -z $(find "$tree" -perm /6000) ]] || fail 'there are setuid files'
buildah "${storage[@]}" rm "$root" >/dev/null

# ------------------------------------------------------------------------------------------------------------ run
hardened=(--network host --cgroups disabled --read-only --read-only-tmpfs=false --cap-drop all --security-opt no-new-privileges
  --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 --env "GRIDLIGHT_DATABASE_URL=$database")
say 'migrate, demo-data, check'
pod run --rm "${hardened[@]}" "$image" migrate >&2
pod run --rm "${hardened[@]}" "$image" demo-data --scale 0.01 --seed 1 --yes >/dev/null
pod run --rm "${hardened[@]}" "$image" check | tail -n 1 >&2
# Open to whoever reaches it is said by nobody: it must not start.
if pod run --rm "${hardened[@]}" "$image" >"$folder/closed.log" 2>&1; then fail 'it served without TLS, tokens, or http.open'; fi
grep -q 'http.open' "$folder/closed.log" || fail "it did not say why it does not start: $(<"$folder/closed.log")"

say 'serve'
running=yes
pod run --detach --name "$name" "${hardened[@]}" --env GRIDLIGHT_HTTP_OPEN=true --env GRIDLIGHT_HTTP_PORT=$port "$image" >/dev/null
url=http://127.0.0.1:$port
for _ in {1..100}; do curl -fs -o /dev/null "$url/ready" && break; sleep 0.1; done
curl -fsS "$url/ready" >/dev/null || fail 'it is not ready'
pod healthcheck run "$name" >/dev/null || fail 'its health check fails'
curl -fsS "$url/api/postgres/layers/transformers/within?lon=-95.3698&lat=29.7604&radius_m=5000&limit=1" | head -c 300 >&2; echo >&2
pid=$(pod inspect --format '{{.State.Pid}}' "$name")
grep -q $'^Uid:\t65532\t' "/proc/$pid/status" || fail 'it does not run as 65532'
grep -q $'^CapEff:\t0000000000000000' "/proc/$pid/status" || fail 'it has capabilities'
say "memory: $(awk '/VmRSS/ {print $2 " kB"}' "/proc/$pid/status")"

say 'stop'
began=$(date +%s%N)
pod stop --time 15 "$name" >/dev/null
say "it ended in $((($(date +%s%N) - began) / 1000000)) ms"
code=$(pod inspect --format '{{.State.ExitCode}}' "$name")
[[ $code == 0 ]] || fail "it ended with code $code"
pod logs "$name" 2>&1 | grep -q 'stopping: finishing what runs' || fail 'it did not drain'
say 'all went well'
