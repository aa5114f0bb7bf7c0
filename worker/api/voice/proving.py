"""Whether an agent's request comes from where the API key of its address belongs: by that key's secrets alone.

A key of the account `default` without a secret of the platform has those of the settings.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType

from pydantic import SecretStr
from starlette.requests import Request

from booking_client.states import DEFAULT_ACCOUNT
from db.models.api_keys import Platform
from worker.api.gate import KeyRead, services_of
from worker.settings.model import Settings

Proof = Callable[[Sequence[SecretStr]], bool]
_SETTINGS = MappingProxyType({Platform.RETELL: "RETELL_API_KEYS", Platform.VAPI: "VAPI_SECRETS"})
WRONG = MappingProxyType(
    {
        Platform.RETELL: "X-Retell-Signature is missing, wrong or of another time",
        Platform.VAPI: "X-Vapi-Secret is wrong",
    }
)


def fleets(settings: Settings, platform: Platform) -> Sequence[SecretStr]:
    """Return the secrets of a platform that are settings."""
    return settings.retell_api_keys if platform is Platform.RETELL else settings.vapi_secrets


async def require_proof(request: Request, read: KeyRead, platform: Platform, proof: Proof) -> None:
    """Raise ApiError (401) unless a request is proven by a secret that counts for a key; the log alone says why."""
    services = services_of(request)
    secrets = read.agent.secrets(platform, fleets(services.settings, platform)) if read.agent else ()
    if not proof(secrets):
        raise await services.gate.refused(request, _why(read, platform, any_tried=bool(secrets)))


def _why(read: KeyRead, platform: Platform, *, any_tried: bool) -> str:
    agent = read.agent
    if agent is not None and platform in agent.own and agent.unreadable:
        return f"a secret of this API key cannot be decrypted: {agent.unreadable}"
    if any_tried:
        return WRONG[platform]
    if read.key.account_id == DEFAULT_ACCOUNT:
        return f"{_SETTINGS[platform]} is not set"
    return f"this API key has no secret of {platform.title()}'s"
