#!/bin/sh
# Makes the root of the image: root.sh BINARY DIRECTORY
set -eu
binary=$1 out=$2

install -D -m 755 "$binary" "$out/usr/bin/blotter"
# The loader and the libraries that the binary loads, where it looks for them.
ldd "$binary" | sed -n 's|.*=> \(/[^ ]*\) .*|\1|p; s|^[[:space:]]*\(/[^ ]*\) .*|\1|p' | while read -r library; do
  install -D -m 755 "$(readlink -f "$library")" "$out$library"
done
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/ca-certificates.crt"

echo 'blotter:x:65532:65532:Blotter:/data:/sbin/nologin' >"$out/etc/passwd"
echo 'blotter:x:65532:' >"$out/etc/group"
echo 'hosts: files dns' >"$out/etc/nsswitch.conf"

install -D -m 644 /LICENSE "$out/usr/share/doc/blotter/copyright"
for package in libc6 libgcc-s1 ca-certificates; do
  install -D -m 644 "/usr/share/doc/$package/copyright" "$out/usr/share/doc/$package/copyright"
done

install -d -m 1777 "$out/tmp"
install -d -m 755 -o 65532 -g 65532 "$out/data"
