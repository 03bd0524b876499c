"""What a follow-up is. Nothing of the bindings here, so that any Python can test it."""

import hashlib
import json
from datetime import datetime, timedelta
from uuid import UUID

ASKS = "follow-up"
IS_ONE = "following-up"
WEEK = 7 * 24 * 60 * 60 * 1000
LONGEST_TITLE = 255


def is_asked_for(task) -> bool:
    """A task that is open again, or that was deleted, asks for nothing."""
    return task.completed_at is not None and task.deleted_at is None and ASKS in task.tags


def title(of: str) -> str:
    return f"Follow up: {of}"[:LONGEST_TITLE].rstrip()


def tags(of: list[str]) -> list[str]:
    """Not the one that asks: a follow-up has no follow-up."""
    return [tag for tag in of if tag not in (ASKS, IS_ONE)] + [IS_ONE]


def derived_id(event: str) -> str:
    """A UUID of version 7 that is made of the event's: the same, however often the event comes."""
    tail = int.from_bytes(hashlib.sha256(event.encode()).digest()[:10])
    bits = UUID(event).int >> 80 << 80 | tail
    bits = bits & ~(0xF << 76) | 7 << 76
    return str(UUID(int=bits & ~(3 << 62) | 2 << 62))


def notices(due: int, lead_minutes: int | None, now: int) -> tuple[int | None, int]:
    """The moments of the upcoming and of the overdue notice; none of them is past."""
    upcoming = None if lead_minutes is None or due <= now else max(due - lead_minutes * 60_000, now)
    return upcoming, max(due, now)


def rfc3339(millis: int) -> str:
    moment = datetime(1970, 1, 1) + timedelta(milliseconds=millis)
    return moment.isoformat(timespec="milliseconds" if millis % 1000 else "seconds") + "Z"


def set_fields(fields: dict) -> list[tuple[str, str]]:
    """The fields of a creation that are set, in the names and JSON shapes of the HTTP API."""
    return [(name, json.dumps(value)) for name, value in fields.items() if value not in (None, [])]
