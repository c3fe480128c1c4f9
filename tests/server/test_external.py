# SPDX-License-Identifier: MIT
"""Bots whose programs run elsewhere: claims, leases, tokens, being offline."""
import http.client
import json
import threading
import unittest

from hive import API, WAIT_SECONDS, Hive


class Program:
    """A bot's program with a token of its own."""

    def __init__(self, hive, token):
        self.hive, self.token = hive, token

    def call(self, method, path, body=None):
        return self.hive.call(method, path, body,
                              {"Authorization": f"Bearer {self.token}"})

    def claim(self, bot=None, wait=0, lease=60):
        body = {"wait_seconds": wait, "lease_seconds": lease}
        return self.call("POST", "/tasks/claim",
                         body | ({"bot": bot} if bot else {}))

    def wait_begun(self, bot):
        """A claim that waits, on a connection of its own."""
        conn = http.client.HTTPConnection("127.0.0.1", self.hive.port,
                                          timeout=WAIT_SECONDS)
        conn.request("POST", API + "/tasks/claim",
                     json.dumps({"wait_seconds": 60}),
                     {"Authorization": f"Bearer {self.token}",
                      "Content-Type": "application/json"})
        # This is answered after the claim has begun to wait.
        status, _ = self.call("POST", f"/bots/{bot}/heartbeat")
        assert status == 200, status
        return conn

    def end(self, got, verb="complete", **more):
        return self.call("POST", f"/tasks/{got['task']['id']}/{verb}",
                         {"lease_token": got["lease_token"], **more})


class Asked(threading.Thread):
    """A question that waits for its answer in a thread."""

    def __init__(self, hive, bot, content):
        super().__init__()
        self.args = ("POST", f"/bots/{bot}/chat", {"content": content})
        self.hive, self.result = hive, None
        self.start()

    def run(self):
        self.result = self.hive.call(*self.args)

    def answer(self):
        self.join(WAIT_SECONDS)
        return self.result


class External(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hive = Hive().__enter__()
        cls.addClassCleanup(lambda: cls.hive.__exit__())

    def register(self, bot, **more):
        made = self.hive.launch(bot, "external", **more)
        self.assertTrue(made["token"].startswith("deia_"))
        self.hive.wait_state(bot, "ready")
        return Program(self.hive, made["token"])

    def test_question_is_claimed_answered_and_kept(self):
        program = self.register("far", capabilities=["sums"])
        self.assertNotIn("token", self.hive.must("GET", "/bots/far"))
        asked = Asked(self.hive, "far", "2 + 2?")
        status, got = program.claim(wait=20)
        self.assertEqual(status, 200)
        task = got["task"]
        self.assertEqual((task["content"], task["kind"], task["session"],
                          task["attempt"]), ("2 + 2?", "chat", None, 1))
        status, lease = program.end(got, "extend", lease_seconds=600)
        self.assertEqual(status, 200)
        self.assertGreater(lease["lease_expires_at"], got["lease_expires_at"])
        status, end = program.end(
            got, text="4", session="s-1", details={"turns": 1},
            usage={"prompt_tokens": 3, "completion_tokens": 1})
        self.assertEqual((status, end["status"]), (200, "succeeded"))
        # It is acknowledged when it is stored, so it can be read at once.
        self.assertEqual(self.hive.lines("far")[-1]["content"], "4")
        status, answer = asked.answer()
        self.assertEqual((status, answer["content"]), (200, "4"))
        self.assertEqual(answer["details"], {"turns": 1})
        self.assertEqual(answer["usage"]["prompt_tokens"], 3)
        # The next one brings the session and what was said.
        asked = Asked(self.hive, "far", "and 3 + 3?")
        status, got = program.claim("far", wait=20)
        self.assertEqual(got["task"]["session"], "s-1")
        self.assertEqual([m["content"] for m in got["task"]["history"]],
                         ["2 + 2?", "4"])
        status, end = program.end(got, "fail", message="too hard",
                                  code="hard")
        self.assertEqual((status, end["status"]), (200, "failed"))
        status, problem = asked.answer()
        self.assertEqual(status, 502)
        self.assertIn("too hard", problem["detail"])
        self.assertEqual(program.end(got, text="late")[0], 409)
        bot = self.hive.must("GET", "/bots/far")
        self.assertEqual((bot["counts"]["turns_done"],
                          bot["counts"]["turns_failed"]), (1, 1))

    def test_nothing_to_do_is_204_and_a_wait_ends(self):
        program = self.register("idle")
        self.assertEqual(program.claim()[0], 204)
        self.assertEqual(program.claim(wait=1)[0], 204)

    def test_who_leaves_while_waiting_claims_nothing(self):
        program = self.register("gone")
        program.wait_begun("gone").close()
        asked = Asked(self.hive, "gone", "anybody?")
        status, got = program.claim(wait=20)
        self.assertEqual((status, got["task"]["attempt"]), (200, 1))
        program.end(got, text="yes")
        self.assertEqual(asked.answer()[1]["content"], "yes")

    def test_lease_that_ends_gives_the_task_to_another(self):
        program = self.register("slow")
        asked = Asked(self.hive, "slow", "hm?")
        _, first = program.claim(wait=20, lease=1)
        status, second = program.claim(wait=20)
        self.assertEqual((status, second["task"]["attempt"]), (200, 2))
        self.assertEqual(program.end(first, text="late")[0], 409)
        self.assertEqual(program.end(second, text="in time")[0], 200)
        self.assertEqual(asked.answer()[1]["content"], "in time")

    def test_silence_is_offline_and_chat_says_so(self):
        program = self.register("shy", heartbeat_timeout_seconds=1)
        self.hive.wait_state("shy", "offline")
        status, problem = self.hive.call("POST", "/bots/shy/chat",
                                         {"content": "hello?"})
        self.assertEqual(status, 409)
        self.assertIn("offline", problem["detail"])
        self.assertIn("start its program", problem["detail"])
        status, bot = program.call("POST", "/bots/shy/heartbeat", {
            "status_text": "back again", "capabilities": ["late"]})
        self.assertEqual((status, bot["state"]), (200, "ready"))
        shown = self.hive.must("GET", "/bots/shy")
        self.assertIn("late", shown["effective_capabilities"])
        states = [m["state"] for m in
                  self.hive.must("GET", "/bots/shy/history")["items"]]
        self.assertIn("offline", states)

    def test_waiting_is_a_sign_of_life(self):
        program = self.register("alive", heartbeat_timeout_seconds=1)
        self.assertEqual(program.claim(wait=3)[0], 204)
        items = self.hive.must("GET", "/bots/alive/history")["items"]
        self.assertNotIn("offline", [m["state"] for m in items])

    def test_token_speaks_for_its_bot_alone(self):
        one, two = self.register("one"), self.register("two")
        self.assertEqual(one.claim("two")[0], 403)
        self.assertEqual(
            one.call("POST", "/bots/two/heartbeat")[0], 403)
        self.assertEqual(one.call("GET", "/bots")[0], 403)
        self.assertEqual(one.call("GET", "/bots/one")[0], 200)
        asked = Asked(self.hive, "two", "private")
        _, got = two.claim(wait=20)
        self.assertEqual(one.end(got, text="stolen")[0], 403)
        self.assertEqual(two.end(got, text="mine")[0], 200)
        self.assertEqual(asked.answer()[1]["content"], "mine")
        viewer = self.hive.must("POST", "/tokens",
                                {"name": "v", "role": "viewer"})
        self.assertEqual(Program(self.hive, viewer["token"]).claim("one")[0],
                         403)

    def test_lost_token_is_replaced_and_removal_ends_all(self):
        old = self.register("lost")
        new = Program(self.hive, self.hive.must(
            "POST", "/tokens", {"name": "lost", "role": "bot"})["token"])
        listed = [t for t in self.hive.must("GET", "/tokens?limit=1000")[
            "items"] if t["name"] == "lost"]
        self.assertEqual([t["kind"] for t in listed], ["external"] * 2)
        known = old.token[5:13]
        self.hive.must("DELETE", f"/tokens/{known}")
        self.assertEqual(old.claim()[0], 401)
        self.assertEqual(new.claim()[0], 204)
        self.hive.must("DELETE", "/bots/lost?force=true")
        self.assertEqual(new.claim()[0], 401)
        self.assertEqual(self.hive.call("POST", "/tokens", {
            "name": "lost", "role": "bot"})[0], 422)

    def test_bots_with_a_process_are_not_claimed_for(self):
        self.hive.launch("near")
        self.hive.wait_state("near", "ready")
        admin = Program(self.hive, self.hive.token)
        status, problem = admin.claim("near")
        self.assertEqual(status, 409)
        self.assertIn("not external", problem["detail"])
        self.assertEqual(admin.claim("nobody")[0], 404)
        self.assertEqual(admin.claim()[0], 422)
        self.assertEqual(admin.call(
            "POST", "/tasks/00000000-0000-7000-8000-000000000000/complete",
            {"lease_token": "none", "text": "x"})[0], 422)

    def test_stopped_bot_ends_the_wait(self):
        program = self.register("halt")
        waiting = program.wait_begun("halt")
        self.hive.must("POST", "/bots/halt/stop")
        self.assertEqual(waiting.getresponse().status, 409)
        waiting.close()


class Restart(unittest.TestCase):
    def test_bot_and_its_token_outlive_deiad(self):
        with Hive() as hive:
            made = hive.launch("far", "external")
            hive.kill()
            hive.start()
            self.assertEqual(hive.wait_state("far", "ready")["state"],
                             "ready")
            program = Program(hive, made["token"])
            asked = Asked(hive, "far", "still there?")
            status, got = program.claim(wait=20)
            self.assertEqual(status, 200)
            self.assertEqual(program.end(got, text="yes")[0], 200)
            self.assertEqual(asked.answer()[1]["content"], "yes")

    def test_stop_does_not_wait_for_who_waits(self):
        with Hive() as hive:
            program = Program(hive, hive.launch("far", "external")["token"])
            waiting = program.wait_begun("far")
            self.assertEqual(hive.stop(), 0)
            self.assertEqual(waiting.getresponse().status, 503)
            waiting.close()


if __name__ == "__main__":
    unittest.main()
