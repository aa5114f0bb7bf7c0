"""The work of `booking callbacks`, and of the orders about a key's callbacks."""

from dataclasses import asdict

from tasks.callbacks import orders
from tasks.callers.keys import KeyRefusedError
from tasks.words import clock, plural
from worker.cli.record import requested
from worker.cli.session import ready
from worker.console import screen
from worker.console.stop import Stop

SHOWN = 50


def run(bookings: list[int] | None, *, again: bool, drop: bool, json: bool, why: str) -> bool:
    """Show what is not delivered, send it again, or let be what was given up; False: something was given up.

    Raises:
        Stop: Both orders are given, or bookings without an order.
    """
    if (again and drop) or (bookings and not (again or drop)):
        raise Stop("give one of --again and --drop, with or without the ids of bookings")
    ready()
    ids = tuple(bookings or ())
    if drop:
        number = orders.drop(requested("callbacks_drop", why=why, target={}, ids=ids or None), ids)
        screen.say(f"{plural(number, 'callback')} let be; `booking callbacks --again ID` sends those of a booking.")
        return True
    if again:
        number = orders.send_again(requested("callbacks_again", why=why, target={}, ids=ids or None), ids)
        screen.say(f"{plural(number, 'callback')} due now, in the order of each booking.")
        return True
    found, wait, given_up = orders.waiting(SHOWN)
    if json:
        screen.as_json({"waiting": wait, "given_up": given_up, "callbacks": [asdict(one) for one in found]})
        return not given_up
    screen.say(f"{plural(wait, 'callback')} waiting, {given_up:,} given up.")
    for one in found:
        state = f"next {clock(one.next_at)}" if one.next_at else "behind the one before it"
        state = f"given up {clock(one.given_up_at)}" if one.given_up_at else state
        trouble = f"; {one.trouble}" if one.trouble else ""
        name = f"{one.appointment_id}, number {one.sequence}"
        screen.say(f"booking {name}  {one.type}  {one.host}  {plural(one.tries, 'try', 'tries')}; {state}{trouble}")
    return not given_up


def set_callback(name: str, url: str | None, *, off: bool, hosts: str | None, why: str) -> None:
    """Set where the callbacks of a key go, and which hosts its requests may name."""
    if (url is not None and off) or (url is None and not off and hosts is None):
        raise Stop("give an address, --off or --hosts")
    ready()
    try:
        if hosts is not None:
            listed = [host.strip() for host in hosts.split(",") if host.strip()]
            target = {"key": name, "hosts": ",".join(listed)}
            orders.set_hosts(requested("key_callback", why=why, target=target), name, listed)
            screen.say(f"{name}: a request may name {', '.join(listed) or 'no host'} for its own callbacks.")
        if url is not None or off:
            target = {"key": name, "callback": "off" if off else "on"}
            orders.set_callback(requested("key_callback", why=why, target=target), name, url)
            place = "nowhere" if off else "there"
            screen.say(f"{name}: callbacks go {place}, of the bookings that it asks for from now on.")
    except KeyRefusedError as refused:
        raise Stop(str(refused)) from None


def secret(name: str, *, new: bool, why: str) -> None:
    """Show the secret that signs a key's callbacks, alone on standard output."""
    ready()
    try:
        if new:
            orders.renew_secret(requested("key_secret", why=why, target={"key": name}), name)
        for one in orders.secrets(name):
            screen.say(one)
    except KeyRefusedError as refused:
        raise Stop(str(refused)) from None
