#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Looks for the user's Ollama: prints `URL MODEL` of one that answers.

MODEL is the one used last that can chat, or nothing when none is pulled.
Ends with status 1 when no Ollama answers.
"""

import json
import os
import sys
import urllib.error
import urllib.request

DEFAULT_PORT = 11434


def base_url():
    """What Ollama's own clients make of OLLAMA_HOST."""
    host = os.environ.get("OLLAMA_HOST", "").strip().rstrip("/")
    if host.startswith(("http://", "https://")):
        return host
    name, _, port = host.rpartition(":") if ":" in host else (host, "", "")
    if name in ("", "0.0.0.0"):
        name = "127.0.0.1"
    return f"http://{name}:{port or DEFAULT_PORT}"


def chats(model):
    families = (model.get("details") or {}).get("families") or []
    return "embed" not in model["name"] and "bert" not in families


def main():
    url = base_url()
    # No proxy: the model is on this machine or in this network.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url + "/api/tags", timeout=2) as reply:
            models = json.load(reply).get("models") or []
    except (OSError, ValueError, urllib.error.URLError):
        if os.environ.get("OLLAMA_HOST"):
            print(f"dev: OLLAMA_HOST is set, but {url} does not answer",
                  file=sys.stderr)
        return 1
    models = sorted((m for m in models if chats(m)), reverse=True,
                    key=lambda m: m.get("modified_at") or "")
    print(url, models[0]["name"] if models else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
