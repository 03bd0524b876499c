"""Writes rules.tsv: rules of repetition and the dates that they give, by an implementation that is not ours.

    pip install python-dateutil==2.9.0.post0 tzdata
    python3 rules.py > rules.tsv

The dates come from dateutil.rrule in local time without a zone, the moments from the standard library's zoneinfo with fold=0 (PEP 495):
a time that the clocks leave out moves forward by the gap, one that comes twice is the first. COUNT and UNTIL are applied here, as
RFC 5545 says: COUNT counts the start, UNTIL as a time is a moment, UNTIL as a date is that whole local day.

Columns: zone, the moment of the start, rule, up to eight moments after the start (fewer: the rule ends there).

Left out is what dateutil itself gets wrong: BYDAY with and without numbers in one rule, BYWEEKNO without BYDAY, and
BYWEEKNO=52 and 53 (see rule.rs).
"""

import random
from datetime import datetime, timezone
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

MOST = 8
NEW_YORK = "America/New_York"

# RFC 5545, section 3.8.5.3; its HOURLY and MINUTELY examples are no rules here.
RFC = [
    ("1997-09-02T09:00:00", rule)
    for rule in """
    FREQ=DAILY;COUNT=10
    FREQ=DAILY;UNTIL=19971224T000000Z
    FREQ=DAILY;INTERVAL=2
    FREQ=DAILY;INTERVAL=10;COUNT=5
    FREQ=WEEKLY;COUNT=10
    FREQ=WEEKLY;UNTIL=19971224T000000Z
    FREQ=WEEKLY;INTERVAL=2;WKST=SU
    FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH
    FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH
    FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH
    FREQ=MONTHLY;BYMONTHDAY=-3
    FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15
    FREQ=MONTHLY;INTERVAL=2;BYDAY=TU
    FREQ=YEARLY;INTERVAL=2;BYMONTH=1,2,3
    FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13
    FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13
    FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2
    FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16
    """.split()
] + [
    ("1998-01-01T09:00:00", "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA"),
    ("1998-01-01T09:00:00", "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1"),
    ("1997-09-01T09:00:00", "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR"),
    ("1997-09-05T09:00:00", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR"),
    ("1997-09-05T09:00:00", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR"),
    ("1997-09-07T09:00:00", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU"),
    ("1997-09-22T09:00:00", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO"),
    ("1997-09-28T09:00:00", "FREQ=MONTHLY;BYMONTHDAY=-3"),
    ("1997-09-30T09:00:00", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1"),
    ("1997-09-10T09:00:00", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15"),
    ("1997-06-10T09:00:00", "FREQ=YEARLY;COUNT=10;BYMONTH=6,7"),
    ("1997-03-10T09:00:00", "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3"),
    ("1997-01-01T09:00:00", "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200"),
    ("1997-05-19T09:00:00", "FREQ=YEARLY;BYDAY=20MO"),
    ("1997-05-12T09:00:00", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"),
    ("1997-03-13T09:00:00", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH"),
    ("1997-06-05T09:00:00", "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8"),
    ("1997-09-13T09:00:00", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13"),
    ("1996-11-05T09:00:00", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8"),
    ("1997-09-04T09:00:00", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3"),
    ("1997-09-29T09:00:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2"),
    ("1997-08-05T09:00:00", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO"),
    ("1997-08-05T09:00:00", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU"),
    ("2007-01-15T09:00:00", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5"),
]

# Month ends, leap days, changes of the clocks, and the ends of rules.
CHOSEN = [
    ("UTC", "2026-01-31T09:00:00", "FREQ=MONTHLY"),
    ("UTC", "2026-01-31T09:00:00", "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
    ("Europe/Berlin", "2026-01-31T09:00:00", "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
    ("Europe/Berlin", "2027-11-30T09:00:00", "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"),
    ("Europe/Berlin", "2027-11-29T09:00:00", "FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1"),
    ("UTC", "2028-02-29T09:00:00", "FREQ=YEARLY"),
    ("UTC", "2028-02-29T09:00:00", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"),
    ("UTC", "2096-02-29T09:00:00", "FREQ=YEARLY"),
    ("UTC", "2026-05-29T09:00:00", "FREQ=MONTHLY;BYDAY=5FR"),
    ("UTC", "2024-12-31T09:00:00", "FREQ=YEARLY;BYYEARDAY=366"),
    ("UTC", "2024-12-31T09:00:00", "FREQ=YEARLY;BYYEARDAY=-1"),
    ("UTC", "2024-12-30T09:00:00", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO"),
    ("UTC", "2026-02-27T09:00:00", "FREQ=MONTHLY;BYDAY=-1FR"),
    ("UTC", "2026-01-30T17:00:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
    ("Europe/Berlin", "2026-03-27T09:00:00", "FREQ=DAILY"),
    ("Europe/Berlin", "2026-03-27T02:30:00", "FREQ=DAILY"),
    ("Europe/Berlin", "2026-10-23T02:30:00", "FREQ=DAILY"),
    ("Europe/Berlin", "2026-03-22T02:30:00", "FREQ=WEEKLY"),
    ("Europe/Berlin", "2026-03-28T02:30:00", "FREQ=DAILY;BYHOUR=1,2,3"),
    ("Europe/Berlin", "2026-03-28T02:45:00", "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,45"),
    (NEW_YORK, "2026-03-06T02:30:00", "FREQ=DAILY"),
    (NEW_YORK, "2026-10-30T01:30:00", "FREQ=DAILY"),
    (NEW_YORK, "2026-10-31T23:59:59", "FREQ=DAILY;INTERVAL=3"),
    ("Australia/Lord_Howe", "2026-10-02T02:15:00", "FREQ=DAILY"),
    ("Australia/Lord_Howe", "2026-04-03T01:45:00", "FREQ=DAILY"),
    ("Pacific/Apia", "2011-12-28T09:00:00", "FREQ=DAILY"),
    ("Pacific/Apia", "2011-12-23T09:00:00", "FREQ=WEEKLY;BYDAY=FR"),
    ("America/Santiago", "2026-09-04T00:00:00", "FREQ=DAILY"),
    ("Africa/Cairo", "2026-04-22T00:30:00", "FREQ=DAILY"),
    ("Asia/Kathmandu", "2026-01-15T06:00:00", "FREQ=MONTHLY;INTERVAL=2"),
    ("America/St_Johns", "2026-03-07T02:30:00", "FREQ=DAILY"),
    ("Asia/Tokyo", "2026-01-01T00:00:00", "FREQ=YEARLY;INTERVAL=5"),
    ("Pacific/Kiritimati", "2026-01-01T00:00:00", "FREQ=MONTHLY;BYDAY=1MO"),
    ("UTC", "2026-01-01T09:00:00", "FREQ=DAILY;COUNT=1"),
    ("UTC", "2026-01-01T09:00:00", "FREQ=DAILY;COUNT=4"),
    ("UTC", "2026-01-01T09:00:00", "FREQ=DAILY;UNTIL=20260103T090000Z"),
    ("UTC", "2026-01-01T09:00:00", "FREQ=DAILY;UNTIL=20260103T085959Z"),
    ("UTC", "2026-01-01T09:00:00", "FREQ=DAILY;UNTIL=20200101T000000Z"),
    ("Asia/Tokyo", "2026-01-01T07:00:00", "FREQ=DAILY;UNTIL=20260103"),
    ("America/Los_Angeles", "2026-01-01T23:00:00", "FREQ=DAILY;UNTIL=20260103"),
    ("UTC", "2026-01-01T09:00:00", "FREQ=YEARLY;INTERVAL=9999"),
    ("UTC", "2026-01-01T09:00:00", "FREQ=DAILY;INTERVAL=9999"),
]

ZONES = ["UTC", "Europe/Berlin", NEW_YORK, "Australia/Sydney", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Auckland"]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def drawn(dice):
    """A rule by chance."""
    frequency = dice.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    some = lambda draw, most: ",".join(str(draw()) for _ in range(dice.randint(1, most)))
    signed = lambda most: lambda: dice.choice([1, -1]) * dice.randint(1, most)
    by = []
    if dice.random() < 0.25:
        by.append("BYMONTH=" + some(lambda: dice.randint(1, 12), 4))
    weeks = frequency == "YEARLY" and dice.random() < 0.2
    if weeks:
        by.append("BYWEEKNO=" + some(signed(51), 3))
    elif frequency == "YEARLY" and dice.random() < 0.25:
        by.append("BYYEARDAY=" + some(signed(366), 5))
    if frequency != "WEEKLY" and dice.random() < 0.3:
        by.append("BYMONTHDAY=" + some(signed(31), 4))
    if weeks or dice.random() < 0.4:
        numbered = frequency in ("MONTHLY", "YEARLY") and not weeks and dice.random() < 0.6
        most = 4 if frequency == "MONTHLY" else 50
        number = lambda: str(signed(most)()) if numbered else ""
        by.append("BYDAY=" + some(lambda: number() + dice.choice(DAYS), 3))
    if dice.random() < 0.2:
        by.append("BYHOUR=" + some(lambda: dice.randint(0, 23), 3))
    if dice.random() < 0.1:
        by.append("BYMINUTE=" + some(lambda: dice.randint(0, 59), 3))
    if by and dice.random() < 0.3:
        by.append("BYSETPOS=" + some(signed(5), 3))
    parts = ["FREQ=" + frequency]
    if dice.random() < 0.5:
        parts.append("INTERVAL=" + str(dice.choice([1, 2, 3, 4, 5, 12, 13])))
    if dice.random() < 0.3:
        parts.append("WKST=" + dice.choice(DAYS))
    start = datetime(dice.randint(1995, 2032), dice.randint(1, 12), dice.randint(1, 28), dice.randint(0, 23), dice.choice([0, 30]))
    return dice.choice(ZONES), start.isoformat(), ";".join(parts + by)


def moment(local, zone):
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(timezone.utc)


def ends(rule):
    """The rule without its end, its count, and whether it is over at a date."""
    parts = dict(part.split("=") for part in rule.split(";"))
    count, until = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    if until is None:
        over = lambda local, at: False
    elif "T" in until:
        last = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        over = lambda local, at: at > last
    else:
        day = datetime.strptime(until, "%Y%m%d").date()
        over = lambda local, at: local.date() > day
    return ";".join(f"{name}={value}" for name, value in parts.items()), count and int(count), over


def dates(zone, start, rule):
    """None where there are too few to say anything, or the zone's future is a matter of opinion."""
    endless, count, over = ends(rule)
    start = datetime.fromisoformat(start)
    latest, number, found = moment(start, zone), 1, []
    for local in islice(rrulestr(endless, dtstart=start), 400):
        if local <= start:
            continue
        number += 1
        at = moment(local, zone)
        if local.year > 2300 or (count and number > count) or over(local, at):
            break
        # Clocks that leave out an hour make two dates one.
        if at > latest:
            latest = at
            found.append(at)
        if len(found) == MOST:
            break
    return found


def row(zone, start, rule, found):
    text = lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ")
    print(zone, text(moment(datetime.fromisoformat(start), zone)), rule, ",".join(map(text, found)), sep="\t")


def main():
    for zone, start, rule in [(NEW_YORK, *case) for case in RFC] + CHOSEN:
        row(zone, start, rule, dates(zone, start, rule))
    dice, rows = random.Random(5545), 0
    while rows < 200:
        case = drawn(dice)
        try:
            found = dates(*case)
        except IndexError:
            # dateutil stumbles over some numbers of weekdays at the end of a year.
            continue
        if len(found) == MOST and found[-1].year < 2200:
            row(*case, found)
            rows += 1


if __name__ == "__main__":
    main()
