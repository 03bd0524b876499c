"""When a task with the tag `follow-up` is completed, a task to follow up on it is made, due a week later."""

import json

import rules
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.event_consumer import Disposition, Disposition_Done, Disposition_Reject, Disposition_Retry, Event
from wit_world.imports import clock
from wit_world.imports.ledger import Change, Session, UnitOfWork
from wit_world.imports.types import (
    ChangeKind,
    Failure_Conflict,
    Failure_Ended,
    Failure_Unavailable,
    FieldChange,
    Notices,
    Source,
    Task,
)


class EventConsumer(exports.EventConsumer):
    async def handle(self, session: Session, event: Event) -> Disposition:
        if event.kind != "task.completed":
            return Disposition_Done()
        if event.data_version != 1:
            return Disposition_Reject(f"data of version {event.data_version}; known is 1")
        try:
            await follow_up(session, event)
            return Disposition_Done()
        except Err as failed:
            return disposition(failed.value)
        except (KeyError, ValueError) as bad:
            return Disposition_Reject(f"the data of {event.kind} is not what it should be: {bad}")


def disposition(failure) -> Disposition:
    """What does not last is tried again; an account that is gone needs nothing; the rest is a mistake, and people should see it."""
    match failure:
        case Failure_Conflict():
            return Disposition_Retry(50)
        case Failure_Unavailable():
            return Disposition_Retry(1_000)
        case Failure_Ended():
            return Disposition_Done()
        case _:
            return Disposition_Reject(str(failure))


async def follow_up(session: Session, event: Event) -> None:
    """The new task and the mark that this event was handled commit together: an event that comes again finds the mark."""
    work = await session.begin(Source.API)
    # The event says what was. What counts is how the task is now.
    done = await work.get_for_update(json.loads(event.data)["task_id"], True)
    if done is None or not rules.is_asked_for(done) or not await work.once(event.id):
        return
    lead = (await session.preferences()).default_reminder_minutes
    work.put(creation(done, event, lead, clock.now()))
    await UnitOfWork.commit(work)


def creation(done: Task, event: Event, lead: int | None, now: int) -> Change:
    due = done.completed_at + rules.WEEK
    task = Task(
        id=rules.derived_id(event.id),
        title=rules.title(done.title),
        description=None,
        completed_at=None,
        priority=done.priority,
        tags=rules.tags(done.tags),
        due_date=due,
        recurrence=None,
        reminder_minutes=lead,
        snoozed_until=None,
        parent_task_id=None,
        series_id=None,
        created_at=now,
        updated_at=now,
        deleted_at=None,
        version=1,
        place=None,
        notices=Notices(*rules.notices(due, lead, now)),
    )
    fields = {
        "title": task.title,
        "priority": task.priority.name.lower(),
        "tags": task.tags,
        "due_date": rules.rfc3339(due),
        "reminder_minutes": lead,
    }
    changed = [FieldChange(name, "null", value) for name, value in rules.set_fields(fields)]
    return Change(ChangeKind.CREATED, task, None, changed)
