"""The settings of `booking serve`."""

from pydantic import BaseModel

from worker.settings.setting import setting
from worker.settings.values import ListenAddress, Networks


class HttpSettings(BaseModel):
    """Say where the HTTP API listens."""

    http_address: ListenAddress = setting(
        "127.0.0.1:8080", "where `booking serve` listens; a proxy with TLS stands before it", unit="HOST:PORT"
    )
    trusted_proxies: Networks = setting(
        (), "proxies whose X-Forwarded-For or Forwarded is believed; only wrong keys are counted by it", unit="networks"
    )
