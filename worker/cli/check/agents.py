"""Which agents' secrets prove for more than one key, and which keys have none, for `booking check`."""

from collections.abc import Iterator, Sequence

from db.models.api_keys import Platform
from tasks.callers import voice_secrets
from worker.settings.model import Settings

NAMED = 5  # keys in one line


def check_agents(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each secret that several keys have, and one for the keys that have none."""
    fleets = {Platform.RETELL: settings.retell_api_keys, Platform.VAPI: settings.vapi_secrets}
    for shared, of_settings in voice_secrets.shared_secrets(fleets):
        holders = [*shared.keys, *(["each key of `default` without one"] if of_settings else [])]
        secret = f"{shared.platform.title()}'s secret {shared.fingerprint}"
        yield f"{secret} proves for {_named(holders)}: who has it may ask for each"
    missing = voice_secrets.keys_without_secret() if any(fleets.values()) else []
    if missing:
        settings_are = "RETELL_API_KEYS and VAPI_SECRETS prove for keys of `default` alone"
        yield f"{settings_are}; no secret of their own (`booking keys voice`): {_named(missing)}"


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join([*names[:NAMED], *([f"and {more:,} more"] if more > 0 else [])])
