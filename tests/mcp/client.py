"""What a user does, through the official Python SDK. One line a check. See README.md."""

import asyncio
import json
import os
import sys
import time

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

READING = {"get_task", "list_notifications", "list_tasks", "recent_changes", "task_history"}
WRITING = {"add_task", "complete_task", "delete_task", "snooze_task", "update_task"}
NOBODYS = "01890000-0000-7000-8000-000000000000"
MODERN = "2026-07-28"
# How a client may begin, and the revision that must come of it. The first is what one does if it is told nothing; one that is told its
# revision does not even ask who the server is.
WAYS = [("auto", MODERN), (MODERN, MODERN), ("legacy", "2025-11-25")]
# How long what must come about may take, in seconds.
PATIENCE = float(os.environ.get("MCP_PATIENCE", "10"))
OVER_STDIO = "--stdio" in sys.argv


class Failed(Exception):
    """A check that fails, in a sentence."""


def must(what, so):
    if not so:
        raise Failed(what)


def equal(value, wanted, what):
    must(f"{what} is {value!r}, and was to be {wanted!r}", value == wanted)


def picked(task, *fields):
    return {field: task[field] for field in fields}


def said(result):
    return "\n".join(part.text for part in result.content if part.type == "text")


def created(items, task_id):
    """The index of the entry that says so; -1 where there is none."""
    entries = enumerate(items)
    return next((at for at, item in entries if item["event_type"] == "task.created" and task_id in json.dumps(item)), -1)


class User:
    """Somebody with a client that is connected."""

    def __init__(self, client):
        self.client = client

    async def calls(self, name, arguments=None):
        """A tool that does its work: its structured content, which the client has held against its output schema."""
        result = await self.client.call_tool(name, arguments)
        must(f"{name} says: {said(result)}", not result.is_error)
        must(f"{name} has no structured content", isinstance(result.structured_content, dict))
        return result.structured_content

    async def is_told(self, name, arguments):
        """A tool that says why it does not: that."""
        result = await self.client.call_tool(name, arguments)
        must(f"{name} {arguments} is accepted: {said(result)}", result.is_error)
        return said(result)

    async def reads(self, uri):
        result = await self.client.read_resource(uri)
        equal([(part.uri, part.mime_type) for part in result.contents], [(uri, "application/json")], "the contents")
        return json.loads(result.contents[0].text)

    async def sees_the_tools(self):
        tools = (await self.client.list_tools()).tools
        equal({tool.name for tool in tools}, READING | WRITING, "the set of tools")
        equal(len(tools), 10, "their number")
        for tool in tools:
            name, hints = tool.name, tool.annotations
            must(f"{name} has no description", tool.description)
            equal(tool.input_schema["type"], "object", f"the input schema of {name}")
            must(f"{name} has no output schema", tool.output_schema)
            must(f"{name} has no annotations", hints)
            equal(bool(hints.read_only_hint), name in READING, f"readOnlyHint of {name}")
            # Only where a tool writes does the other hint mean anything; left out, it would mean that it destroys.
            destroys = name in WRITING and hints.destructive_hint is not False
            equal(destroys, name == "delete_task", f"destructiveHint of {name}")
            must(f"{name} takes a user", "user_id" not in tool.input_schema["properties"])

    async def sees_the_resources(self):
        resources = (await self.client.list_resources()).resources
        equal([resource.uri for resource in resources], ["tasks://open"], "the list of resources")
        templates = (await self.client.list_resource_templates()).resource_templates
        equal([template.uri_template for template in templates], ["tasks://{id}"], "the list of templates")

    async def adds_by_fields(self):
        fields = {"title": "Cook dinner", "due_date": "2026-12-01T19:00:00+01:00", "tags": ["home"], "priority": "high"}
        self.dinner = await self.calls("add_task", fields)
        wanted = {**fields, "due_date": "2026-12-01T18:00:00Z", "completed": False, "version": 1}
        equal(picked(self.dinner, *wanted), wanted, "the task")

    async def adds_by_a_sentence(self):
        self.plants = await self.calls("add_task", {"text": "Water plants every 2 days 18:00 #home !high"})
        wanted = {"title": "Water plants", "tags": ["home"], "priority": "high", "version": 1}
        equal(picked(self.plants, *wanted), wanted, "the task")
        must("it has no rule", "FREQ=DAILY;INTERVAL=2" in self.plants["recurrence"]["rrule"])
        must("it is not due", self.plants["due_date"])

    async def lists_page_by_page(self):
        home = {"tag": ["home"], "status": "open", "limit": 1}
        first = await self.calls("list_tasks", home)
        equal(first["items"], [self.plants], "the first page, where the newest comes first,")
        must("it has no next_cursor", isinstance(first["next_cursor"], str))
        second = await self.calls("list_tasks", {**home, "cursor": first["next_cursor"]})
        equal(second["items"], [self.dinner], "the second page")

    async def gets_one(self):
        equal(await self.calls("get_task", {"id": self.dinner["id"]}), self.dinner, "the task")

    async def updates(self):
        task = await self.calls("update_task", {"id": self.dinner["id"], "priority": "low"})
        wanted = {"title": "Cook dinner", "priority": "low", "version": 2}
        equal(picked(task, *wanted), wanted, "the task")

    async def snoozes(self):
        task = await self.calls("snooze_task", {"id": self.dinner["id"], "minutes": 30})
        must("it is not put off", task["snoozed_until"])

    async def completes(self):
        task = await self.calls("complete_task", {"id": self.dinner["id"]})
        must("it is not completed", task["completed"] and task["completed_at"])
        task = await self.calls("complete_task", {"id": self.dinner["id"], "completed": False})
        must("it is not open again", not task["completed"])

    async def sees_the_history(self):
        items = (await self.calls("task_history", {"id": self.dinner["id"]}))["items"]
        equal(items[0]["event_type"], "task.created", "the first entry")
        must(f"there are {len(items)} entries", len(items) >= 5)
        for item in items:
            equal((item["actor"]["kind"], item["source"]), ("agent", "mcp"), "who did it")

    async def sees_notifications(self):
        must("there is no page", isinstance((await self.calls("list_notifications", {}))["items"], list))

    async def sees_recent_changes(self):
        end = time.monotonic() + PATIENCE
        while True:
            items = (await self.calls("recent_changes", {}))["items"]
            first, second = created(items, self.dinner["id"]), created(items, self.plants["id"])
            done = [item for item in items if item["event_type"] == "task.completed" and self.dinner["id"] in json.dumps(item)]
            if first >= 0 and second >= 0 and done:
                break
            must(f"not both tasks are there within {PATIENCE} s: {items}", time.monotonic() < end)
            await asyncio.sleep(0.1)
        must("what was made later does not come first", second < first)

    async def reads_resources(self):
        text = json.dumps(await self.reads("tasks://open"))
        for task in (self.dinner, self.plants):
            must(f"{task['id']} is not among the open: {text}", task["id"] in text)
        task_id = self.dinner["id"]
        equal(await self.reads(f"tasks://{task_id}"), await self.calls("get_task", {"id": task_id}), "the resource")

    async def finds_no_other_resource(self):
        # Revision 2026-07-28 has another code for it than those before.
        codes = [-32602] if self.client.protocol_version == MODERN else [-32002, -32602]
        for uri in (f"tasks://{NOBODYS}", "tasks://nowhere", "notes://open"):
            await self.is_refused(codes, self.client.read_resource(uri))

    async def is_refused(self, codes, call):
        try:
            result = await call
        except MCPError as error:
            must(f"code {error.code} came, and not one of {codes}: {error}", error.code in codes)
        else:
            raise Failed(f"it is answered: {result}")

    async def is_told_of_wrong_arguments(self):
        must("title is not named", "title" in await self.is_told("add_task", {"title": ""}))
        must("limit is not named", "limit" in await self.is_told("list_tasks", {"limit": 0}))

    async def cannot_name_a_user(self):
        must("user_id is not named", "user_id" in await self.is_told("add_task", {"title": "x", "user_id": "y"}))
        newest = (await self.calls("list_tasks", {"limit": 1}))["items"][0]
        equal(newest["id"], self.plants["id"], "the newest task")

    async def finds_no_other_tool(self):
        await self.is_refused([-32602], self.client.call_tool("drop_tables", {}))

    async def deletes(self):
        await self.calls("delete_task", {"id": self.dinner["id"]})
        await self.is_told("get_task", {"id": self.dinner["id"]})
        await self.is_told("delete_task", {"id": NOBODYS})

    async def only_reads(self):
        await self.calls("list_tasks")
        try:
            result = await self.client.call_tool("add_task", {"title": "x"})
            must("the task is added", result.is_error)
            print(f"    a result that is an error: {said(result)}")
        except MCPError as error:
            print(f"    {type(error).__name__}, code {error.code}: {error}")


ALL = [
    ("it has the ten tools, each with its schemas and hints", User.sees_the_tools),
    ("it has the resource and the template", User.sees_the_resources),
    ("add_task makes a task of fields", User.adds_by_fields),
    ("add_task makes a task of a sentence", User.adds_by_a_sentence),
    ("list_tasks filters, and goes on where a page ends", User.lists_page_by_page),
    ("get_task answers as add_task did", User.gets_one),
    ("update_task changes a field", User.updates),
    ("snooze_task puts it off", User.snoozes),
    ("complete_task completes, if nothing else is said", User.completes),
    ("task_history says that an agent did it, over MCP", User.sees_the_history),
    ("list_notifications has a page", User.sees_notifications),
    ("recent_changes has both tasks, the newest change first", User.sees_recent_changes),
    ("tasks://open has the open tasks, tasks://{id} is one", User.reads_resources),
    ("a resource that is not there is an error of the protocol", User.finds_no_other_resource),
    ("a wrong argument is named", User.is_told_of_wrong_arguments),
    ("an argument that names a user is refused by its name", User.cannot_name_a_user),
    ("a tool that is not there is an error of the protocol", User.finds_no_other_tool),
    ("delete_task deletes", User.deletes),
]


async def run(mode, revision, token, checks):
    what = f"it connects with {mode!r}"
    try:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
            if OVER_STDIO:
                program, *args = json.loads(os.environ["MCP_COMMAND"])
                server = StdioServerParameters(command=program, args=args)
            else:
                server = streamable_http_client(os.environ["MCP_URL"], http_client=http)
            async with Client(server, mode=mode) as client:
                print(f"    revision {client.protocol_version}, {client.server_info and client.server_info.name}")
                equal(client.protocol_version, revision, "the revision")
                user = User(client)
                for name, check in checks:
                    print(f"ok: {what}", flush=True)
                    what = name
                    await check(user)
        print(f"ok: {what}", flush=True)
    except Exception as error:
        # What fails inside comes out in groups of one.
        while len(getattr(error, "exceptions", ())) == 1:
            error = error.exceptions[0]
        print(f"failed: {what}: {error if isinstance(error, Failed) else repr(error)}", file=sys.stderr)
        sys.exit(1)


async def main():
    for mode, revision in WAYS:
        await run(mode, revision, "" if OVER_STDIO else os.environ["MCP_TOKEN"], ALL)
    token = os.environ.get("MCP_READ_TOKEN")
    if token and not OVER_STDIO:
        for mode, revision in WAYS:
            await run(mode, revision, token, [("a token that may only read reads, and adds nothing", User.only_reads)])


asyncio.run(main())
