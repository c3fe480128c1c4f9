# SPDX-License-Identifier: MIT
"""Every gate can fail: each is shown a clean tree, then one planted fault."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

GOOD_H = """\
/* SPDX-License-Identifier: MIT */
/* one.h - a header. */
#ifndef DEIA_ONE_H
#define DEIA_ONE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#define DEIA_API

/* Says one. */
DEIA_API int deia_one(void);

#ifdef __cplusplus
}
#endif
#endif
"""
GOOD_C = """\
/* SPDX-License-Identifier: MIT */
/* one.c - a source. */
#include <deia/one.h>

int deia_one(void)
{
	return 1;
}
"""
MESON = """\
project('planted', 'c', default_options: ['warning_level=3'])
static_library('deia', 'one.c', include_directories: '../include')
"""


class GateCase(unittest.TestCase):
    """A small clean tree, and a way to run one gate over it."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="deia-gate-")
        self.addCleanup(shutil.rmtree, self.root)
        for name in (".clang-format", ".clang-tidy"):
            shutil.copy(os.path.join(ROOT, name), self.root)
        self.put("include/deia/one.h", GOOD_H)
        self.put("libdeia/bot/one.c", GOOD_C)

    def put(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)

    def gate(self, name, *args):
        out = subprocess.run(
            [sys.executable, "-B", os.path.join(HERE, f"check_{name}.py"),
             self.root, *args], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False)
        return out.returncode, out.stdout

    def clean(self, name, *args):
        self.assertEqual(self.gate(name, *args), (0, ""))

    def caught(self, name, where, *args):
        status, text = self.gate(name, *args)
        self.assertEqual(status, 1, f"not reported:\n{text}")
        self.assertIn(where, text)

    def need(self, *tools):
        for tool in tools:
            if not shutil.which(tool):
                self.skipTest(f"{tool} is not installed")

    def compile_commands(self, path):
        build = os.path.join(self.root, "build")
        self.put("build/compile_commands.json", textwrap.dedent(f"""\
            [{{"directory": "{self.root}", "file": "{path}",
              "command": "cc -std=gnu11 -Iinclude -c {path}"}}]
            """))
        return build


class TextGates(GateCase):
    def test_format_reports_spaces_for_tabs(self):
        self.need("clang-format")
        self.clean("format")
        self.put("libdeia/bot/one.c", GOOD_C.replace("\t", "    "))
        self.caught("format", "libdeia/bot/one.c:6")

    def test_size_reports_a_long_function(self):
        self.clean("size")
        body = "\treturn 1;\n" * 61
        self.put("libdeia/bot/one.c",
                 GOOD_C.replace("\treturn 1;\n", body))
        self.caught("size", "function of 61 lines")

    def test_size_accepts_a_function_of_sixty_lines(self):
        self.put("libdeia/bot/one.c",
                 GOOD_C.replace("\treturn 1;\n", "\treturn 1;\n" * 60))
        self.clean("size")

    def test_size_reports_a_long_file(self):
        self.put("server/long.c", "\n" * 701)
        self.caught("size", "file of 701 lines")

    def test_size_reports_a_wide_line(self):
        self.put("libdeia/bot/one.c", GOOD_C + "/* " + "w" * 100 + " */\n")
        self.caught("size", "longer than 100 columns")

    def test_words_reports_unfinished_work(self):
        self.clean("words")
        self.put("libdeia/bot/one.c", GOOD_C + "/* TO" + "DO: rest */\n")
        self.caught("words", "libdeia/bot/one.c:9: unfinished")

    def test_words_reports_a_machines_path(self):
        self.put("docs/x.md", "see /ho" + "me/me/x\n")
        self.caught("words", "docs/x.md:1: a path")

    def test_words_reports_a_missing_licence_line(self):
        self.put("server/x.c", "int x;\n")
        self.caught("words", "SPDX")

    def test_words_reports_sql_made_by_printf(self):
        self.put("libdeia/store/x.c", GOOD_C
                 + 'snprintf(b, n, "SELECT * FROM t WHERE id=%s", id);\n')
        self.caught("words", "SQL made by printf")

    def test_words_reports_white_space_at_the_end(self):
        self.put("libdeia/bot/one.c", GOOD_C + "int x; \n")
        self.caught("words", "white space")

    def test_python_reports_an_unused_import(self):
        self.clean("python")
        self.put("tests/x.py", "# SPDX\nimport " + "shelve\n")
        self.caught("python", "shelve is imported, not used")

    def test_python_reports_a_syntax_error(self):
        self.put("tests/x.py", "def (:\n")
        self.caught("python", "tests/x.py:1")

    def test_registered_reports_a_test_that_never_runs(self):
        self.put("tests/unit/meson.build", "foreach t : ['one']\nendforeach\n")
        self.put("tests/unit/test_one.c", "")
        self.clean("registered")
        self.put("tests/unit/test_two.c", "")
        self.caught("registered", "tests/unit/test_two.c")

    def test_shell_reports_an_unquoted_variable(self):
        self.need("shellcheck")
        self.put("dev", '#!/usr/bin/env bash\nrm "$1"\n')
        self.clean("shell")
        self.put("dev", "#!/usr/bin/env bash\nrm $1\n")
        self.caught("shell", "dev:2")


class LayerGate(GateCase):
    def include(self, path, what):
        self.put(path, GOOD_C + f"#include {what}\n")

    def test_going_down_is_fine(self):
        self.include("libdeia/bot/x.c", '"core/buf.h"')
        self.include("libdeia/hive/x.c", '"bot/bot.h"')
        self.include("libdeia/bot/y.c", "<deia/sys/store.h>")
        self.clean("layers")

    def test_siblings_are_reported(self):
        self.include("libdeia/bot/x.c", '"auth/token.h"')
        self.caught("layers", "bot must not include auth/token.h")

    def test_core_looking_up_is_reported(self):
        self.include("libdeia/core/x.c", '"store/schema.h"')
        self.caught("layers", "core must not include")

    def test_a_module_using_the_hives_header_is_reported(self):
        self.include("libdeia/auth/x.c", "<deia/hive.h>")
        self.caught("layers", "auth must not include <deia/hive.h>")

    def test_server_reaching_into_the_library_is_reported(self):
        self.include("server/x.c", '"core/buf.h"')
        self.caught("layers", "server/x.c")
        self.include("server/x.c", '"../libdeia/core/buf.h"')
        self.caught("layers", "server/x.c")

    def test_server_using_its_own_header_is_fine(self):
        self.put("server/route.h", GOOD_H)
        self.include("server/x.c", '"route.h"')
        self.clean("layers")

    def test_a_third_party_header_outside_its_folder_is_reported(self):
        self.include("libdeia/bot/x.c", "<sqlite3.h>")
        self.caught("layers", "belongs to libdeia/store")

    def test_a_public_header_with_a_foreign_include_is_reported(self):
        self.put("include/deia/one.h",
                 GOOD_H.replace("stdbool.h", "event2/event.h"))
        self.caught("layers", "public header includes event2/event.h")


class HeaderGates(GateCase):
    def test_docs_reports_a_function_without_comment(self):
        self.clean("docs")
        self.put("include/deia/one.h", GOOD_H.replace("/* Says one. */\n", ""))
        self.caught("docs", "deia_one has no comment")

    def test_docs_sees_that_a_blank_line_ends_a_group(self):
        self.put("include/deia/one.h", GOOD_H.replace(
            "int deia_one(void);",
            "int deia_one(void);\n\nDEIA_API int deia_two(\n\tint a);"))
        self.caught("docs", "deia_two has no comment")

    def test_docs_accepts_a_group(self):
        self.put("include/deia/one.h", GOOD_H.replace(
            "int deia_one(void);",
            "int deia_one(void);\nDEIA_API int deia_two(\n\tint a);"))
        self.clean("docs")

    def test_headers_reports_a_missing_include(self):
        self.need("gcc", "g++", "clang", "clang++")
        self.clean("headers")
        self.put("include/deia/one.h", GOOD_H.replace("int deia", "size_t deia"))
        self.caught("headers", "does not compile alone with gcc -std=c11")

    def test_headers_reports_a_word_of_cplusplus(self):
        self.need("gcc", "g++", "clang", "clang++")
        self.put("include/deia/one.h", GOOD_H.replace("(void)", "(int class)"))
        self.caught("headers", "g++ -std=c++17")

    def test_headers_reports_a_wrong_guard(self):
        self.need("gcc", "g++", "clang", "clang++")
        self.put("include/deia/one.h", GOOD_H.replace("DEIA_ONE_H", "ONE_H"))
        self.caught("headers", "guard must be DEIA_ONE_H")


class ToolGates(GateCase):
    def archive(self, text):
        self.put("build/libdeia/one.c", text)
        folder = os.path.join(self.root, "build", "libdeia")
        subprocess.run(["cc", "-I../../include", "-c", "one.c"], cwd=folder,
                       check=True)
        subprocess.run(["ar", "rcs", "libdeia.a", "one.o"], cwd=folder,
                       check=True)
        return os.path.join(self.root, "build")

    def test_symbols_reports_a_name_without_prefix(self):
        self.need("cc", "ar", "nm")
        self.clean("symbols", self.archive(GOOD_C))
        build = self.archive(GOOD_C + "int other;\n")
        self.caught("symbols", "global symbol other", build)

    def test_symbols_reports_a_function_that_is_only_declared(self):
        self.need("cc", "ar", "nm")
        build = self.archive(GOOD_C.replace("deia_one(", "deia_three("))
        self.caught("symbols", "deia_one is declared, not defined", build)

    def test_symbols_reports_a_private_name_in_a_public_header(self):
        self.need("cc", "ar", "nm")
        self.put("include/deia/one.h", GOOD_H.replace("deia_one", "deia__one"))
        build = self.archive(GOOD_C.replace("deia_one(", "deia__one("))
        self.caught("symbols", "deia__one is private", build)

    def test_tidy_reports_a_suspicious_statement(self):
        self.need("clang-tidy")
        build = self.compile_commands("libdeia/bot/one.c")
        self.clean("tidy", build)
        self.put("libdeia/bot/one.c",
                 GOOD_C.replace("\treturn 1;", "\tif (1 == 2);\n\treturn 1;"))
        self.caught("tidy", "bugprone-suspicious-semicolon", build)

    def test_tidy_reports_a_null_dereference(self):
        self.need("clang-tidy")
        build = self.compile_commands("libdeia/bot/one.c")
        self.put("libdeia/bot/one.c", GOOD_C.replace(
            "\treturn 1;", "\tint *p = 0;\n\treturn *p;"))
        self.caught("tidy", "NullDereference", build)

    def test_cppcheck_reports_an_index_out_of_bounds(self):
        self.need("cppcheck")
        self.clean("cppcheck")
        self.put("libdeia/bot/one.c", GOOD_C.replace(
            "\treturn 1;", "\tint a[2] = { 0 };\n\treturn a[2];"))
        self.caught("cppcheck", "arrayIndexOutOfBounds")

    def test_build_reports_a_warning_of_either_compiler(self):
        self.need("meson", "ninja", "gcc", "clang")
        self.put("meson.build", MESON.replace("'one.c'", "'libdeia/bot/one.c'")
                 .replace("../include", "include"))
        build = os.path.join(self.root, "build-lint")
        self.clean("build", build)
        self.put("libdeia/bot/one.c", GOOD_C.replace(
            "\treturn 1;", "\tint unused;\n\treturn 1;"))
        status, text = self.gate("build", build)
        self.assertEqual(status, 1)
        self.assertIn("gcc: unused variable", text)
        self.assertIn("clang: unused variable", text)


if __name__ == "__main__":
    unittest.main()
