"""The work of `booking forget`."""

from collections.abc import Iterable

from tasks.operations import forgetting
from tasks.operations.forgetting import AtCalcom, ForgetResult, Person
from tasks.words import clock, plural
from worker.cli.record import agreed, requested
from worker.cli.session import ready
from worker.console import screen
from worker.console.stop import Stop

SHOWN = 20  # ids of bookings that live


def run(person: str, *, dry_run: bool, yes: bool, why: str) -> bool:
    """Forget a person after a yes; False: bookings that live are left."""
    try:
        whom = Person.parse(person)
    except ValueError:
        raise Stop("give an e-mail address, a number that begins with +, or a booking's id") from None
    ready()
    found = forgetting.look(whom)
    if not (found.own or found.as_guest or found.living):
        screen.say("Nothing is stored of this person.")
        if whom.booking is not None or dry_run:
            return True
    _say(found)
    meant = f"{plural(found.own, 'booking')} will be forgotten for good"
    if dry_run or not (yes or agreed(meant, "Forget them?", without_asking="forget them")):
        return not found.living
    done = forgetting.forget(requested("forget", why=why, target={}), whom)
    screen.say(f"{plural(done.own, 'booking')} forgotten.")
    _say_uids(one for one in done.at_calcom if one not in found.at_calcom)  # those that have come meanwhile
    screen.note("A backup from before brings the person back: forget again after a restore.")
    return not done.living


def _say(found: ForgetResult) -> None:
    screen.say(f"{plural(found.own, 'ended booking')} of this person; a guest in {found.as_guest:,} of others'.")
    if found.living:
        listed = ", ".join(map(str, found.living[:SHOWN]))
        screen.say(f"{plural(len(found.living), 'booking')} still living, not forgotten: {listed}. Cancel these first.")
    for number, ids in found.same_number.items():
        listed = ", ".join(map(str, ids[:SHOWN])) + (f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else "")
        ended = plural(len(ids), "ended booking")
        screen.say(f"{ended} under another address: {listed}. Also forget {number}? `booking forget {number}`")
    if found.at_calcom:
        uids = plural(len(found.at_calcom), "uid")
        screen.say(f"Cal.com has or had these under {uids}: delete them there, each in its menu.")
        screen.say("Note their uids: once the person is forgotten, no name leads to them.")
        _say_uids(found.at_calcom)


def _say_uids(at_calcom: Iterable[AtCalcom]) -> None:
    """Show them here alone: a uid in a log or a record would lead to the person at Cal.com."""
    for one in at_calcom:
        start = f"starts {clock(one.start)}" if one.start else "moved, cancelled or double"
        screen.say(f"  {screen.plain(one.uid)}  {start}  (booking {one.booking})")
