"""The work of `booking keys voice`: by which secrets the agents of a key prove themselves."""

from pydantic import SecretStr

from db.models.api_keys import Platform
from tasks.callers import voice_secrets
from tasks.callers.keys import KeyRefusedError
from tasks.callers.voice_secrets import fingerprint_of
from tasks.words import clock
from worker.cli.record import requested
from worker.cli.secret_line import read_secret
from worker.cli.session import ready
from worker.console import screen
from worker.console.stop import Stop

ADD, REMOVE = "key_voice_add", "key_voice_remove"


def run(name: str, *, retell: bool, vapi: bool, remove: str | None, json: bool, why: str) -> None:
    """List the secrets of a key, store one, or wipe one.

    Raises:
        Stop: Several orders are given, or the one that is given was refused.
    """
    if retell + vapi + json + (remove is not None) > 1:
        raise Stop("give one of --retell, --vapi and --remove, or none for the list")
    ready()
    try:
        if remove is not None:
            target = {"key": name, "fingerprint": remove}
            voice_secrets.remove_secret(requested(REMOVE, why=why, target=target), name, remove)
            screen.say(f"{name}: the secret {remove} is wiped; it proves nothing within 5 seconds.")
        elif retell or vapi:
            _add(name, Platform.RETELL if retell else Platform.VAPI, why)
        else:
            _show(name, json=json)
    except KeyRefusedError as refused:
        raise Stop(str(refused)) from None


def _add(name: str, platform: Platform, why: str) -> None:
    mark, others = store(name, platform, read_secret(f"The secret of {platform.title()}"), why)
    screen.say(f"{name}: {platform.title()}'s secret {mark} proves for it within 5 seconds.")
    if others:
        screen.note(f"It proves for {', '.join(others)}, too: who has it may ask for each.")


def store(name: str, platform: Platform, secret: SecretStr, why: str) -> tuple[str, list[str]]:
    """Store a secret of a key, on record; return its fingerprint, and for which other keys it proves, too.

    Raises:
        KeyRefusedError: It was not stored.
    """
    mark = fingerprint_of(platform, secret)
    target = {"key": name, "platform": platform, "fingerprint": mark}
    return mark, voice_secrets.add_secret(requested(ADD, why=why, target=target), name, platform, secret)


def _show(name: str, *, json: bool) -> None:
    found = voice_secrets.secrets_of(name)
    if json:
        plain = [{"platform": one.platform, "fingerprint": one.fingerprint, "made": one.created_at} for one in found]
        screen.as_json({"key": name, "secrets": plain})
        return
    for one in found:
        screen.say((f"{one.platform.title():<8}", "bold"), f"{one.fingerprint}  stored {clock(one.created_at)}")
    if not found:
        screen.say("No secret of its own: `booking keys voice NAME --retell < FILE` stores one.")
