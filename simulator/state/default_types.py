"""The event types that are there after the start: every kind that docs/calcom.md knows, each with hosts of its own."""

from __future__ import annotations

from simulator.state.event_types import EventType, Kind

TEAM = ("host4", "host5")
CHAIRS = tuple(EventType(200 + n, f"chair-{n}", hosts=(f"chair{n}",)) for n in range(1, 21))
EIGHT = 8  # weeks of a series


def of_team(number: int, slug: str, kind: str, *hosts: int, **more: object) -> EventType:
    """Make an event type of the team."""
    names = tuple(f"host{host}" for host in hosts)
    return EventType(number, slug, kind, hosts=names, team_slug="team", **more)  # type: ignore[arg-type]


ROUND_ROBIN: tuple[EventType, ...] = (
    of_team(130, "rr-confirm", "round_robin+confirm", 30, 31),
    of_team(131, "rr-threshold", "round_robin+threshold", 32, 33),
    of_team(132, "rr-seats", "round_robin+seats", 34, 35, seats=2),
    of_team(149, "rr-fixed", Kind.ROUND_ROBIN, 58, fixed_hosts=("host57",)),
    of_team(150, "rr-phone", Kind.ROUND_ROBIN, 59, 60, email_required=False),
    of_team(152, "rr-dayone", Kind.ROUND_ROBIN, 62, 63, bookings_a_day=1),
    of_team(144, "rr-maxactive", Kind.ROUND_ROBIN, 50, 51, active_bookings=1, offers_reschedule=True),
)
SEVERAL: tuple[EventType, ...] = (
    EventType(133, "seats-confirm", "seats+confirm", hosts=("host36",)),
    of_team(134, "coll-confirm", "collective+confirm", 37, 38),
    EventType(138, "seats-hidden", Kind.SEATS, hosts=("host44",), attendees_shown=False),
    EventType(139, "price", hosts=("host45",), price=50),
    EventType(140, "threshold", Kind.THRESHOLD, hosts=("host46",)),
    EventType(145, "maxactive-uid", hosts=("host52",), active_bookings=1, offers_reschedule=True),
    EventType(146, "seats-maxactive", Kind.SEATS, hosts=("host53",), active_bookings=1, offers_reschedule=True),
    EventType(147, "weekone", hosts=("host54",), bookings_a_week=1),
    of_team(148, "coll-seats", "collective+seats", 55, 56),
    EventType(151, "seats-phone", Kind.SEATS, hosts=("host61",), email_required=False),
)
WEEKLY: tuple[EventType, ...] = (
    EventType(129, "weekly", Kind.RECURRING, hosts=("host29",), recurrences=EIGHT),
    of_team(135, "rr-weekly", "round_robin+recurring", 39, 40, recurrences=EIGHT),
    of_team(136, "coll-weekly", "collective+recurring", 41, 42, recurrences=EIGHT),
    EventType(137, "weekly-confirm", "recurring+confirm", hosts=("host43",), recurrences=EIGHT),
    EventType(141, "weekly-30-days", Kind.RECURRING, hosts=("host47",), recurrences=EIGHT, window_days=30),
    EventType(142, "weekly-dayone", Kind.RECURRING, hosts=("host48",), recurrences=EIGHT, bookings_a_day=1),
    EventType(143, "weekly-maxactive", Kind.RECURRING, hosts=("host49",), recurrences=EIGHT, active_bookings=3),
    of_team(153, "rr-weekly-30-days", "round_robin+recurring", 64, 65, recurrences=EIGHT, window_days=30),
)
# With the column that asks the host about the bookings of free addresses; the policy says that it is off.
FREE_EMAIL: tuple[EventType, ...] = (
    EventType(166, "free", hosts=("host66",), confirms_free_email=True),
    of_team(167, "coll-free", Kind.COLLECTIVE, 67, 68, confirms_free_email=True),
    of_team(168, "rr-free", Kind.ROUND_ROBIN, 69, 70, confirms_free_email=True),
    EventType(169, "seats-free", Kind.SEATS, hosts=("host71",), confirms_free_email=True),
    of_team(170, "rr-seats-free", "round_robin+seats", 72, 73, seats=2, confirms_free_email=True),
    of_team(171, "rr-weekly-free", "round_robin+recurring", 74, 75, confirms_free_email=True),
    EventType(172, "confirm-free", Kind.CONFIRM, hosts=("host76",), confirms_free_email=True),
)
# A plain type of a host of another one: for those who want to find him busy.
BESIDE = {
    154: 4, 155: 5, 156: 30, 157: 31, 158: 34, 159: 35, 160: 3, 161: 2, 162: 36, 163: 57, 164: 58, 165: 44, 173: 69,
    174: 70,
}  # fmt: skip
BUSY = tuple(EventType(number, f"busy-{host}", hosts=(f"host{host}",)) for number, host in BESIDE.items())

DEFAULTS: tuple[EventType, ...] = (
    EventType(101, "plain"),
    EventType(102, "confirm", Kind.CONFIRM, hosts=("host2",)),
    EventType(103, "seats", Kind.SEATS, hosts=("host3",)),
    EventType(104, "rr", Kind.ROUND_ROBIN, hosts=TEAM, team_slug="team"),
    EventType(105, "plain-60", length=60),
    of_team(106, "coll", Kind.COLLECTIVE, 6, 9),
    EventType(
        107,
        "phone-first",
        hosts=("host7",),
        email_required=False,
        phone_required=True,
        locations=("address", "attendeePhone"),
    ),
    EventType(108, "dayone", hosts=("host8",), bookings_a_day=1),
    EventType(109, "multi", hosts=("host10",), lengths=(15, 30, 60)),
    EventType(110, "open", hosts=("host11",), exclusive=False),
    EventType(111, "recur", Kind.RECURRING, hosts=("host12",)),
    EventType(112, "window", hosts=("host12",), notice=24 * 60, window_days=30),
    EventType(113, "office", hosts=("host13",), office_hours=True),
    EventType(114, "maxactive", hosts=("host13",), active_bookings=1),
    EventType(115, "custom", hosts=("host13",), required_fields=("company",)),
    EventType(116, "dayminutes", hosts=("host14",), minutes_a_day=30),
    of_team(117, "rrfixed", Kind.ROUND_ROBIN, 16, 19, fixed_hosts=("host15",)),
    of_team(118, "nohosts", Kind.ROUND_ROBIN),
    EventType(119, "verify", hosts=("host17",), verifies_email=True),
    EventType(120, "login", hosts=("host17",), needs_login=True),
    EventType(121, "locked", hosts=("host18",), host_locked=True),
    EventType(175, "no-cancel", hosts=("host77",), no_cancelling=True),
    EventType(176, "move-notice", hosts=("host78",), reschedule_notice=600),
    *ROUND_ROBIN,
    *SEVERAL,
    *WEEKLY,
    *FREE_EMAIL,
    *BUSY,
    *CHAIRS,
)
