# SPDX-License-Identifier: MIT
"""docs/openapi.yaml: read alike by every reader, clean, and the same routes
and codes as the server."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'server/web'))
import yaml_subset  # noqa: E402

SPEC = ROOT / 'docs/openapi.yaml'
TEXT = SPEC.read_text('utf-8')
DOC = yaml_subset.load(TEXT)
METHODS = ('get', 'post', 'put', 'patch', 'delete')
REDOCLY = ROOT / 'tests/web/node_modules/@redocly/cli/bin/cli.js'

REFUSED = {
    'a tab': 'a:\n\tb: 1',
    'an anchor': 'a: &x 1',
    'an alias': 'a: *x',
    'a tag': 'a: !!int 1',
    'a word that is true in YAML 1.1': 'a: yes',
    'a number that is octal in YAML 1.1': 'a: 010',
    'a time in base 60': 'a: 12:30',
    'a date': 'a: 2026-11-22',
    'a tilde': 'a: ~',
    'a key that is a number': '200: x',
    'a key that is there twice': 'a: 1\na: 2',
    'three spaces': 'a:\n   b: 1',
    'a second document': 'a: 1\n---\nb: 2',
    'a value over two lines': 'a: one\n  two',
    'an open bracket': 'a: [1, 2',
    'an open quotation': "a: 'x",
    'text after a quotation': "a: 'x' y",
    'text after a flow list': 'a: [1] y',
    'a colon in a plain value': 'a: b: c',
    'no value': 'a:',
    'more indented in a folded text': 'a: >\n  x\n    y',
    'an empty text': 'a: |\nb: 1',
    'a lone item': 'a: 1\n- b',
}


def operations():
    for path, item in DOC['paths'].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item, item[method]


def resolve(node):
    while '$ref' in node:
        target = DOC
        for part in node['$ref'].removeprefix('#/').split('/'):
            target = target[part.replace('~1', '/')]
        node = target
    return node


class Converter(unittest.TestCase):
    def test_gives_what_pyyaml_gives(self):
        try:
            import yaml
        except ImportError:
            self.skipTest('python3-yaml is not installed')
        self.assertEqual(DOC, yaml.safe_load(TEXT))

    def test_gives_what_pyyaml_gives_for_small_documents(self):
        try:
            import yaml
        except ImportError:
            self.skipTest('python3-yaml is not installed')
        for text in (
                'a: 1\nb: -2.5\nc: true\nd: null\ne: x y # note\n',
                'a:\n  - 1\n  - b: 2\n    c: [3, {d: e}]\n  - - 4\n    - 5\n',
                "a: 'it''s'\nb: \"x\\n\\u00e9\"\n'c d': {}\ne: []\n",
                'a: |\n  one\n\n    two\n  three\n\nb: >-\n  x\n  y\n\n  z\n',
                'a: |-\n  # no note\n  x: y\nb: http://x/y#z\n',
                "a: {b: 'c, d', e: [f g, 'h]']}\n"):
            self.assertEqual(yaml_subset.load(text), yaml.safe_load(text))

    def test_refuses_what_readers_disagree_about(self):
        for what, text in REFUSED.items():
            with self.subTest(what), self.assertRaises(yaml_subset.Error):
                yaml_subset.load(text)


class Document(unittest.TestCase):
    def test_linter_finds_nothing(self):
        node = shutil.which('node')
        if not node or not REDOCLY.exists():
            self.skipTest('the node packages of tests/web are not installed')
        done = subprocess.run(
            [node, REDOCLY, 'lint', '--config',
             ROOT / 'tests/api-spec/redocly.yaml', SPEC],
            capture_output=True, text=True, check=False,
            env={**os.environ, 'REDOCLY_TELEMETRY': 'off',
                 'REDOCLY_SUPPRESS_UPDATE_NOTICE': 'true'})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_component_is_used(self):
        for kind, members in DOC['components'].items():
            for name in members:
                if kind == 'securitySchemes':
                    continue
                self.assertIn(f"'#/components/{kind}/{name}'", TEXT)

    def test_operation_ids_are_unique(self):
        ids = [op['operationId'] for *_, op in operations()]
        self.assertEqual(len(ids), len(set(ids)))

    def test_codes_are_those_of_library_and_server(self):
        header = (ROOT / 'include/deia/error.h').read_text('utf-8')
        names = set(re.findall(r'X\(DEIA_\w+, \d+, "(\w+)"', header)) - {'ok'}
        source = '\n'.join(p.read_text('utf-8') for p in
                           (ROOT / 'server/deiad').rglob('*.c'))
        own = set(re.findall(r'(?:problem|refuse)\(\w+,\s*[45]\d\d,\s*'
                             r'"([a-z_]+)"', source))
        self.assertGreater(len(own), 5)
        self.assertEqual(
            sorted(names | own),
            sorted(DOC['components']['schemas']['ErrorCode']['enum']))

    def test_every_path_parameter_is_described(self):
        for method, path, item, op in operations():
            with self.subTest(f'{method} {path}'):
                given = [resolve(p) for p in
                         item.get('parameters', []) + op.get('parameters', [])]
                self.assertEqual(
                    re.findall(r'\{(\w+)\}', path),
                    [p['name'] for p in given if p['in'] == 'path'])


class Routes(unittest.TestCase):
    """The document against `deiad --routes`."""

    @classmethod
    def setUpClass(cls):
        deiad = os.environ.get('DEIAD')
        if not deiad:
            raise unittest.SkipTest('DEIAD does not name the server')
        out = subprocess.run([deiad, '--routes'], capture_output=True,
                             text=True, check=True).stdout
        cls.table = {(r['method'], r['path']): r for r in json.loads(out)}
        cls.described = {(m, p): (item, op)
                         for m, p, item, op in operations()}

    def both(self):
        for key in sorted(set(self.table) & set(self.described)):
            with self.subTest(' '.join(key)):
                yield self.table[key], *self.described[key]

    def test_the_same_routes(self):
        self.assertEqual(sorted(self.table), sorted(self.described))

    def test_the_same_roles(self):
        for row, _, op in self.both():
            self.assertEqual(row['access'], op['x-role'])
            self.assertEqual(row['bot_self'], op.get('x-bot-self', False))
            self.assertEqual(op.get('security') == [],
                             row['access'] == 'public')

    def test_the_same_bodies(self):
        for row, _, op in self.both():
            body = op.get('requestBody')
            word = ('none' if body is None else
                    'required' if resolve(body)['required'] else 'optional')
            self.assertEqual(row['body'], word)

    def test_the_same_parameters(self):
        for row, item, op in self.both():
            given = [resolve(p) for p in op.get('parameters', [])]
            self.assertEqual(
                sorted(row['query'].split()),
                sorted(p['name'] for p in given if p['in'] == 'query'))
            self.assertEqual(
                row['idempotency_key'],
                any(p['name'] == 'Idempotency-Key' for p in given))


if __name__ == '__main__':
    unittest.main()
