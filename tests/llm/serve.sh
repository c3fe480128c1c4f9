#!/bin/sh
# SPDX-License-Identifier: MIT
# serve.sh [--pace=MS] PORT [name=file.gguf ...]: an Ollama-compatible server
# on 127.0.0.1 with small models; without names: math, words and all. Prints
# "listening on 127.0.0.1:PORT" once it does; port 0 takes a free one. Ends with
# SIGTERM. The modules are sought in DEIA_LLM_DIR (as install.sh made it), else
# in this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
modules=${DEIA_LLM_DIR:-$here}

if [ ! -d "$modules/node_modules/node-llama-cpp" ]; then
	echo "node modules are missing: run $here/install.sh" >&2
	exit 1
fi
pace=
case ${1:-} in
--pace=*)
	pace=$1
	shift
	;;
esac
port=${1:?usage: serve.sh [--pace=MS] PORT [name=file.gguf ...]}
shift
if [ $# -eq 0 ]; then
	set -- "math=$here/math.gguf" "words=$here/words.gguf" \
		"all=$here/all.gguf"
fi
# node resolves packages from the file's own folder upward
shim=$here/ollama-shim.mjs
if [ "$modules" != "$here" ]; then
	cp "$shim" "$modules/.shim.$$"
	mv -f "$modules/.shim.$$" "$modules/ollama-shim.mjs"
	shim=$modules/ollama-shim.mjs
fi
exec node "$shim" ${pace:+"$pace"} "$port" "$@"
