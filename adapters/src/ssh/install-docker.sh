# Installs Docker from the distribution's own packages, on Debian, Ubuntu and what is made of them.
set -u
export LC_ALL=C
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
    as_root='sudo -n'
else
    exit 41
fi
[ -r /etc/os-release ] || exit 42
. /etc/os-release
case " ${ID:-} ${ID_LIKE:-} " in
    *' debian '* | *' ubuntu '*) ;;
    *) exit 42 ;;
esac
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null
}
echo "Installing Docker on ${PRETTY_NAME:-this machine}"
apt update || exit 43
apt install -y --no-install-recommends docker.io || exit 43
if command -v systemctl >/dev/null 2>&1 && [ -d /run/systemd/system ]; then
    $as_root systemctl enable --now docker </dev/null || exit 44
else
    $as_root service docker start </dev/null || exit 44
fi
[ -z "$as_root" ] || $as_root usermod -aG docker "$(id -un)" </dev/null || exit 45
docker --version
