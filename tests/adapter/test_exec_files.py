# SPDX-License-Identifier: MIT
"""deia-bot with the exec adapter: its working folder, git worktrees, and
which files a turn has changed."""

import os
import shutil
import subprocess
import unittest

from test_exec import Folder, PROGRAM

from botline import Bot

GIT_ENV = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def git(where, *args):
    return subprocess.run(
        ["git", "-C", where, "-c", "user.name=t", "-c",
         "user.email=t@example.org", "-c", "init.defaultBranch=main", *args],
        check=True, capture_output=True, text=True,
        env={**os.environ, **GIT_ENV}).stdout


def write(path, text="x\n"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class PlainFolder(Folder):
    def files(self, script, prompt="", **more):
        bot = self.sh(script, **more)
        return bot.ask("1", prompt)[1]["details"]

    def test_new_changed_and_removed_files_are_listed(self):
        for name in ("same", "changed", "removed", "deep/er/changed"):
            write(self.path(name))
        details = self.files("echo y >> changed; echo y >> deep/er/changed; "
                             "rm removed; mkdir -p new; echo > new/file; "
                             "ln -s / link")
        self.assertEqual(details["files"], [
            "changed", "deep/er/changed", "link", "new/file", "removed"])
        self.assertNotIn("files_cut", details)

    def test_failed_turn_lists_what_it_left(self):
        details = self.files("touch left; exit 1")
        self.assertEqual(details, {"exit_code": 1, "files": ["left"]})

    def test_at_most_200_names_are_listed_and_the_rest_is_said(self):
        details = self.files("for i in $(seq 100 349); do : > f$i; done")
        self.assertEqual(len(details["files"]), 200)
        self.assertTrue(details["files_cut"])

    def test_folder_with_too_many_files_says_so_and_guesses_nothing(self):
        subprocess.run("seq 20500 | xargs touch -d '1 hour ago'", shell=True,
                       check=True, cwd=self.dir)
        details = self.files("rm 17 18 19; touch new")
        self.assertLessEqual(set(details["files"]), {"new"})
        self.assertTrue(details["files_cut"])

    def test_long_names_stay_within_the_limit_of_details(self):
        details = self.files("for i in $(seq 100 199); do "
                             ": > $i$(printf %0200d 0); done")
        self.assertTrue(details["files_cut"])
        self.assertGreater(len(details["files"]), 40)

    def test_names_with_odd_characters_are_json(self):
        details = self.files("touch 'a b' \"$(printf 'n\\nl')\" "
                             "\"$(printf 'bad\\377')\" -- -x")
        self.assertEqual(sorted(details["files"]),
                         ["-x", "a b", "bad\ufffd", "n\nl"])

    def test_listing_can_be_switched_off(self):
        self.assertEqual(self.files("touch x", files=False),
                         {"exit_code": 0})

    def test_without_git_a_folder_still_works(self):
        os.mkdir(self.path("bin"))
        for name in ("sh", "touch"):
            os.symlink(shutil.which(name), self.path("bin", name))
        details = self.files("touch x", env={"PATH": self.path("bin")})
        self.assertEqual(details["files"], ["x"])


class GitFolder(Folder):
    def setUp(self):
        super().setUp()
        git(self.dir, "init", "-q")
        for name in ("same", "changed", "removed", "renamed", "dirty",
                     "sub/inner"):
            write(self.path(name), name + "\n" * 20)
        write(self.path(".gitignore"), "ignored\nout/\n")
        git(self.dir, "add", "-A")
        git(self.dir, "commit", "-qm", "first")
        write(self.path("dirty"), "was changed before\n")
        write(self.path("dirty-same"), "was there before\n")

    def files(self, script, where=".", **more):
        bot = self.sh(script, env=GIT_ENV, config={
            "work_dir": os.path.normpath(self.path(where))}, **more)
        return bot.ask("1", "")[1]["details"]["files"]

    COMMIT = "git -c user.name=t -c user.email=t@x.org commit -q"

    def test_changes_of_the_turn_are_listed_and_earlier_ones_are_not(self):
        self.assertEqual(
            self.files("echo y > changed; rm removed; echo > new; "
                       "echo > ignored; git mv renamed other; "
                       "echo again > dirty"),
            ["changed", "dirty", "new", "other", "removed", "renamed"])

    def test_committed_changes_are_listed(self):
        self.assertEqual(
            self.files("echo y > changed; git add changed; " + self.COMMIT +
                       " -m one; echo z > new; git add new; " + self.COMMIT +
                       " -m two"), ["changed", "new"])

    def test_first_commit_of_a_repository_is_listed(self):
        os.mkdir(self.path("fresh"))
        git(self.path("fresh"), "init", "-q")
        self.assertEqual(
            self.files("echo y > a; git add a; " + self.COMMIT + " -m one",
                       "fresh"), ["a"])

    def test_names_are_below_the_working_folder(self):
        self.assertEqual(self.files("echo y > inner; echo > new; "
                                    "echo > ../outside", "sub"),
                         ["inner", "new"])

    def test_folder_that_git_ignores_is_looked_through(self):
        os.mkdir(self.path("out"))
        self.assertEqual(self.files("echo y > a", "out"), ["a"])

    def test_repository_cannot_make_git_run_programs(self):
        trap = self.path("trap.sh")
        write(trap, f"#!/bin/sh\ntouch {self.dir}/sprung\n")
        os.chmod(trap, 0o700)
        git(self.dir, "config", "core.fsmonitor", trap)
        self.assertEqual(self.files("echo y > changed"), ["changed"])
        self.assertFalse(os.path.exists(self.path("sprung")))

    def test_repository_cannot_make_git_fetch_what_it_lacks(self):
        for name, value in (
                ("core.repositoryFormatVersion", "1"),
                ("extensions.partialClone", "o"),
                ("remote.o.promisor", "true"), ("remote.o.url", self.dir),
                ("remote.o.uploadpack", f"touch {self.dir}/sprung; false")):
            git(self.dir, "config", name, value)
        tree = git(self.dir, "rev-parse", "HEAD^{tree}").strip()
        os.remove(self.path(f".git/objects/{tree[:2]}/{tree[2:]}"))
        self.sh("true", env=GIT_ENV, config={"work_dir": self.dir}).ask(
            "1", "")
        self.assertFalse(os.path.exists(self.path("sprung")))


class Worktree(Folder):
    def setUp(self):
        super().setUp()
        self.repo, self.work = self.path("repo"), self.path("work", "BOT-001")
        os.mkdir(self.repo)
        os.makedirs(self.work)
        git(self.repo, "init", "-q")
        write(os.path.join(self.repo, "a.txt"))
        git(self.repo, "add", "-A")
        git(self.repo, "commit", "-qm", "first")

    def start(self, script="pwd; git branch --show-current", ready=True,
              **more):
        config = {"work_dir": self.work, "worktree_of": self.repo, **more}
        return self.sh(script, env=GIT_ENV, config=config, ready=ready)

    def stopped(self, word, **more):
        bot = self.start(ready=False, **more)
        self.assertEqual(bot.proc.wait(20), 78)
        bot.until_logged(word)

    def test_worktree_is_made_on_a_branch_of_the_bot(self):
        bot = self.start()
        self.assertEqual(bot.ask("1", "")[0],
                         self.work + "\ndeia/BOT-001")
        self.assertEqual(sorted(os.listdir(self.work)), [".git", "a.txt"])
        self.assertEqual(git(self.repo, "branch", "--show-current"), "main\n")

    def test_status_is_shown_while_it_is_prepared(self):
        bot = self.start(ready=False)
        self.assertIn("preparing", bot.until("status")["text"])
        self.assertEqual(bot.until("status")["text"], "")
        bot.until("ready")

    def test_worktree_is_used_again_after_a_restart(self):
        script = ("echo new > b.txt; git add b.txt; " + GitFolder.COMMIT +
                  " -m work; echo more > c.txt")
        bot = self.start(script)
        self.assertEqual(bot.ask("1", "")[1]["details"]["files"],
                         ["b.txt", "c.txt"])
        bot.close()
        bot = self.start("ls; git log --format=%s")
        self.assertEqual(bot.ask("1", "")[0],
                         "a.txt\nb.txt\nc.txt\nwork\nfirst")
        self.assertNotIn("preparing", str(bot.seen))

    def test_commits_outlive_a_folder_that_was_removed(self):
        script = ("echo new > b.txt; git add b.txt; " + GitFolder.COMMIT +
                  " -m work")
        bot = self.start(script)
        bot.ask("1", "")
        bot.close()
        shutil.rmtree(self.work)
        bot = self.start("git log --format=%s")
        self.assertEqual(bot.ask("1", "")[0], "work\nfirst")

    def test_occupied_folder_is_never_touched(self):
        write(os.path.join(self.work, "mine.txt"), "keep")
        self.stopped("move away what is in it")
        self.assertEqual(os.listdir(self.work), ["mine.txt"])

    def test_worktree_of_another_repository_is_never_touched(self):
        other = self.path("other")
        shutil.copytree(self.repo, other)
        git(other, "worktree", "add", "-q", self.work)
        self.stopped("move away what is in it")

    def test_folder_that_is_no_repository_is_refused(self):
        os.mkdir(self.path("plain"))
        self.stopped("is not a git repository",
                     worktree_of=self.path("plain"))
        self.stopped("No such file", worktree_of=self.path("nowhere"))

    def test_repository_without_a_commit_is_refused(self):
        os.mkdir(self.path("empty"))
        git(self.path("empty"), "init", "-q")
        self.stopped("cannot be made", worktree_of=self.path("empty"))

    def test_branch_that_is_in_use_elsewhere_is_refused(self):
        git(self.repo, "checkout", "-q", "-b", "deia/BOT-001")
        self.stopped("cannot be made")

    def test_missing_git_is_said(self):
        os.mkdir(self.path("bin"))
        os.symlink(shutil.which("sh"), self.path("bin", "sh"))
        bot = Bot([PROGRAM, "--adapter", "exec"],
                  env={"PATH": self.path("bin")})
        self.addCleanup(bot.close)
        bot.send(type="init", bot="BOT-001", protocol=1, config={
            "argv": ["sh"], "work_dir": self.work, "worktree_of": self.repo})
        self.assertEqual(bot.proc.wait(20), 78)
        bot.until_logged("needs git")

    def test_hooks_of_the_repository_do_not_run(self):
        hook = os.path.join(self.repo, ".git", "hooks", "post-checkout")
        write(hook, f"#!/bin/sh\ntouch {self.dir}/sprung\n")
        os.chmod(hook, 0o700)
        self.start().ask("1", "")
        self.assertFalse(os.path.exists(self.path("sprung")))


if __name__ == "__main__":
    unittest.main(defaultTest=["PlainFolder", "GitFolder", "Worktree"])
