"""`python3 -m unittest`, here."""

import unittest
from types import SimpleNamespace
from uuid import UUID

import rules

EVENT = "0199a0d4-7c00-7000-8000-000000000001"
DAY = 24 * 60 * 60 * 1000


def task(completed_at=1, deleted_at=None, tags=("home", "follow-up")):
    return SimpleNamespace(completed_at=completed_at, deleted_at=deleted_at, tags=list(tags))


class Rules(unittest.TestCase):
    def test_a_done_task_with_the_tag_asks(self):
        self.assertTrue(rules.is_asked_for(task()))
        for silent in [task(completed_at=None), task(deleted_at=2), task(tags=["home"]), task(tags=["following-up"])]:
            self.assertFalse(rules.is_asked_for(silent))

    def test_a_follow_up_has_no_follow_up(self):
        self.assertEqual(rules.tags(["home", "follow-up"]), ["home", "following-up"])
        self.assertFalse(rules.is_asked_for(task(tags=rules.tags(["follow-up"]))))
        self.assertEqual(len(rules.tags([f"{n}" for n in range(9)] + ["follow-up"])), 10, "as many tags as a task can have")

    def test_a_title_is_no_longer_than_a_title_can_be(self):
        self.assertEqual(rules.title("Call Ada"), "Follow up: Call Ada")
        self.assertEqual(len(rules.title("é" * 255)), 255)
        self.assertEqual(rules.title("a" * 243 + " b"), "Follow up: " + "a" * 243)

    def test_the_same_event_makes_the_same_task(self):
        first = UUID(rules.derived_id(EVENT))
        self.assertEqual(str(first), rules.derived_id(EVENT))
        self.assertEqual((first.version, first.variant), (7, UUID(EVENT).variant))
        self.assertEqual(first.int >> 80, UUID(EVENT).int >> 80, "the event's time")
        self.assertNotEqual(rules.derived_id(EVENT), rules.derived_id(EVENT.replace("1", "2")))

    def test_no_notice_is_past(self):
        self.assertEqual(rules.notices(10 * DAY, 60, 0), (10 * DAY - 3_600_000, 10 * DAY))
        self.assertEqual(rules.notices(10 * DAY, None, 0), (None, 10 * DAY))
        self.assertEqual(rules.notices(10 * DAY, 30 * 1_440, 4 * DAY), (4 * DAY, 10 * DAY))
        self.assertEqual(rules.notices(DAY, 60, 2 * DAY), (None, 2 * DAY), "the host was down for long")

    def test_fields_have_the_shapes_of_the_api(self):
        self.assertEqual(rules.rfc3339(1_790_000_000_000), "2026-09-21T14:13:20Z")
        self.assertEqual(rules.rfc3339(1_790_000_000_007), "2026-09-21T14:13:20.007Z")
        fields = rules.set_fields({"title": 'a "b"', "tags": [], "due_date": None, "reminder_minutes": 0})
        self.assertEqual(fields, [("title", '"a \\"b\\""'), ("reminder_minutes", "0")])


if __name__ == "__main__":
    unittest.main()
