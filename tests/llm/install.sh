#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh [DIR]: puts what the small test models run on (node-llama-cpp and
# its prebuilt CPU library, about 85 MB) into DIR/node_modules, default: this
# folder. Does nothing when it is there already. Needs node 18.19 or newer, npm
# and, the first time, the npm registry.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-$here}
stamp=$dir/node_modules/.dev-installed

if cmp -s "$here/package-lock.json" "$stamp"; then
	exit 0
fi
if ! command -v npm >/dev/null; then
	echo "npm is missing: apt-get install nodejs npm" >&2
	exit 1
fi
case $(uname -m) in
x86_64) ;;
*)
	echo "the small test models run on x86_64 only, not on $(uname -m)" >&2
	exit 1
	;;
esac
mkdir -p "$dir"
if [ "$dir" != "$here" ]; then
	cp "$here/package.json" "$here/package-lock.json" "$dir/"
fi
cd "$dir"
npm ci --ignore-scripts --no-audit --no-fund >&2
cp "$here/package-lock.json" "$stamp"
