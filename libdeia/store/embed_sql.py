#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns <backend>/migrations/NNNN_name.sql into a C table.

usage: embed_sql.py BACKEND OUT FILE...

Refuses gaps and doubles in the numbers, so that a version is a position.
"""
import hashlib
import os
import re
import sys


def c_string(text):
    lines = []
    for line in text.splitlines():
        line = line.replace('\\', '\\\\').replace('"', '\\"')
        lines.append('\t  "%s\\n"' % line)
    return '\n'.join(lines)


def main(backend, out, files):
    rows = []
    for want, path in enumerate(sorted(files, key=os.path.basename), 1):
        base = os.path.basename(path)
        found = re.fullmatch(r'(\d{4})_([a-z0-9_]+)\.sql', base)
        if not found or int(found.group(1)) != want:
            sys.exit('%s: expected the name %04d_NAME.sql' % (path, want))
        with open(path, 'rb') as f:
            text = f.read()
        rows.append('\t{ %d, "%s",\n\t  "%s",\n%s },' % (
            want, found.group(2), hashlib.sha256(text).hexdigest(),
            c_string(text.decode('utf-8'))))
    with open(out, 'w', encoding='utf-8') as f:
        f.write('/* Made by embed_sql.py; do not edit. */\n'
                '#include "store/migrate.h"\n\n'
                'const struct deia__migration deia__migrations_%s[] = {\n'
                '%s\n};\n'
                'const unsigned deia__migrations_%s_len = %d;\n'
                % (backend, '\n'.join(rows), backend, len(rows)))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
