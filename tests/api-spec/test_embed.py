# SPDX-License-Identifier: MIT
"""server/web/embed.py: what it embeds is what is served, compressed and
named by its contents."""
import ast
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEB = ROOT / 'server/web'
SPEC = ROOT / 'docs/openapi.yaml'
ROW = re.compile(
    r'\{ "(?P<path>[^"]+)", "(?P<type>[^"]+)", "(?P<etag>\\"\w+\\")",\s+'
    r'(?P<data>\w+), (?P<len>\d+), (?P<gz>\w+), (?P<gz_len>\d+), '
    r'(?P<immutable>\w+) \}')


def embed(*page, ok=True):
    """The rows and arrays of the C file made from these files."""
    with tempfile.TemporaryDirectory() as d:
        out = pathlib.Path(d) / 'web_files.c'
        done = subprocess.run(
            [sys.executable, WEB / 'embed.py', out, SPEC, *page],
            capture_output=True, text=True, check=False)
        if not ok:
            return done
        assert done.returncode == 0, done.stderr
        text = out.read_text('utf-8')
    arrays = {m[1]: bytes(ast.literal_eval(f'[{m[2]}]')) for m in re.finditer(
        r'unsigned char (\w+)\[\] = \{([^}]*)\}', text)}
    return text, [m.groupdict() for m in ROW.finditer(text)], arrays


def sources():
    return [WEB / 'index.html', *sorted((WEB / 'assets').iterdir())]


class Embed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text, cls.rows, cls.arrays = embed(*sources())

    def test_every_file_is_there_whole_and_in_order(self):
        text, rows, arrays = self.text, self.rows, self.arrays
        self.assertIn(f'web_files_len = {len(rows)};', text)
        self.assertEqual(len(rows), len(sources()) + 1)
        paths = [r['path'] for r in rows]
        self.assertEqual(paths, sorted(paths))
        for row in rows:
            self.assertEqual(len(arrays[row['data']]), int(row['len']))
            if row['gz'] != 'NULL':
                self.assertEqual(len(arrays[row['gz']]), int(row['gz_len']))
                self.assertEqual(gzip.decompress(arrays[row['gz']]),
                                 arrays[row['data']])

    def test_every_name_that_the_page_uses_is_served(self):
        rows, arrays = self.rows, self.arrays
        served = {r['path']: arrays[r['data']].decode() for r in rows}
        used = re.findall(r'(?:href|src)="(/[^"]+)"', served['/'])
        self.assertGreaterEqual(len(used), 3)
        for path, body in served.items():
            if path.endswith('.js'):
                used += ['/assets/' + n for n in
                         re.findall(r"from '\./([^']+)'", body)]
        for path in used:
            self.assertIn(path, served)

    def test_only_what_is_named_by_its_contents_is_immutable(self):
        for row in self.rows:
            self.assertEqual(row['immutable'] == 'true',
                             re.match(r'/assets/[0-9a-f]{16}-', row['path'])
                             is not None)

    def test_the_same_input_gives_the_same_output(self):
        self.assertEqual(embed(*sources())[0], self.text)

    def test_a_changed_asset_changes_the_names(self):
        with tempfile.TemporaryDirectory() as d:
            index, a = pathlib.Path(d) / 'index.html', pathlib.Path(d) / 'a.js'
            index.write_text('<script src="@ASSETS@/a.js"></script>')
            a.write_text('1;')
            first = embed(index, a)[1]
            a.write_text('2;')
            second = embed(index, a)[1]
        self.assertNotEqual({r['path'] for r in first},
                            {r['path'] for r in second})

    def test_an_import_that_is_not_embedded_is_refused(self):
        with tempfile.TemporaryDirectory() as d:
            index, a = pathlib.Path(d) / 'index.html', pathlib.Path(d) / 'a.js'
            index.write_text('x')
            a.write_text("import { b } from './b.js';")
            done = embed(index, a, ok=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('b.js', done.stderr)

    def test_without_a_page_the_description_is_left(self):
        _, rows, arrays = embed()
        self.assertEqual([r['path'] for r in rows], ['/openapi.json'])
        doc = json.loads(arrays[rows[0]['data']])
        self.assertEqual(doc['openapi'], '3.1.0')

    def test_all_of_it_is_small(self):
        page = sum(int(r['gz_len']) or int(r['len']) for r in self.rows
                   if r['path'] != '/openapi.json')
        self.assertLess(page, 64 * 1024)

    def test_meson_names_every_asset(self):
        listed = set(re.findall(r"'assets/([^']+)'",
                                (WEB / 'meson.build').read_text('utf-8')))
        self.assertEqual(listed, {p.name for p in sources()[1:]})


class Sources(unittest.TestCase):
    """What keeps text from becoming markup."""

    def test_nothing_turns_a_string_into_markup_or_code(self):
        word = re.compile(
            r'innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|'
            r'DOMParser|createContextualFragment|setHTML|\beval\b|'
            r'new Function|\.cssText|createPolicy|setTimeout\(.[\'"`]')
        for path in sources():
            self.assertIsNone(word.search(path.read_text('utf-8')), path.name)

    def test_the_html_has_no_inline_script_or_style(self):
        html = (WEB / 'index.html').read_text('utf-8')
        self.assertNotRegex(html, r'(?i)<style|\son\w+=|\sstyle=|javascript:')
        self.assertEqual(re.findall(r'<script(.*?)>(.*?)</script>', html),
                         [(' type="module" src="@ASSETS@/app.js"', '')])

    def test_nothing_is_loaded_from_elsewhere(self):
        for path in sources():
            text = path.read_text('utf-8').replace(
                'http://www.w3.org/2000/svg', '')
            self.assertNotRegex(text, r'https?://|\burl\(|@import')


if __name__ == '__main__':
    unittest.main()
