#!/bin/sh
# aarch64_userland.sh FOLDER: a Debian for aarch64 with Python, NumPy and click, to be run by
# qemu-aarch64. Nothing of this machine's own Debian is changed. FOLDER/python runs its Python.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
root=$folder/root
apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
        -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache" \
        -o Dir::State::status=/dev/null -o APT::Sandbox::User= "$@"
}
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/debs" "$root"
apt update
release=$(apt-cache -o APT::Architecture=arm64 -o Dir::State::Lists="$folder/lists" \
    -o Dir::State::status=/dev/null -o Dir::Cache="$folder/cache" depends python3 |
    sed -n 's/.*Depends: python3\.\([0-9]*\)$/3.\1/p')
(cd "$folder/debs" && apt download "python$release" "python$release-minimal" \
    "libpython$release-minimal" "libpython$release-stdlib" libc6 libgcc-s1 libstdc++6 \
    zlib1g libexpat1 libffi8 libssl3 libbz2-1.0 liblzma5 libuuid1)
for package in "$folder"/debs/*.deb; do
    dpkg -x "$package" "$root"
done
"${PYTHON:-python3}" -m pip download -q --disable-pip-version-check --only-binary :all: \
    --python-version "$release" --platform manylinux2014_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux_2_27_aarch64 \
    --platform manylinux_2_28_aarch64 -c constraints.txt -d "$folder/wheels" numpy click
for wheel in "$folder"/wheels/*.whl; do
    "${PYTHON:-python3}" -m zipfile -e "$wheel" "$root/site"
done
cat >"$folder/python" <<EOF
#!/bin/sh
exec qemu-aarch64 -L "$root" "$root/usr/bin/python$release" "\$@"
EOF
chmod +x "$folder/python"
