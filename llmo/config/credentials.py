"""Addresses and keys of providers, and why one can't be used yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zlib import crc32

from llmo.config import child_environment, programs
from llmo.config.kinds import KINDS
from llmo.errors import CredentialsError
from llmo.errors.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from llmo.config.profile import ProviderConfig

PATIENCE = 30
"""Seconds until a command must have printed its key: it may ask for a passphrase."""


def base_url(name: str, config: ProviderConfig, env: Mapping[str, str]) -> str:
    """
    The provider's address without a trailing slash; empty for types that have none.

    In a profile from `load` the vendor's variable is in `config.base_url` already; here it counts for a provider
    that was made in another way.
    """
    kind = KINDS[config.kind]
    found = config.base_url
    if not found and name == config.kind and kind.url_env and env.get(kind.url_env):
        found = _vendor_address(config.kind, env)
    return (found or kind.base_url or "").rstrip("/")


def _vendor_address(kind: str, env: Mapping[str, str]) -> str:
    """The address in the vendor's own variable, else nothing."""
    value = env.get(KINDS[kind].url_env or "", "")
    return KINDS[kind].read_url(value).rstrip("/") if value else ""


def api_key(name: str, config: ProviderConfig, env: Mapping[str, str], *, others: Collection[str] = ()) -> str | None:
    """
    The key to send, None when the provider is used without one.

    Looked for in `api_key_env`, else in the vendor's own variable if the address is the vendor's, else in what
    `api_key_cmd` prints, else in the keyring under the service and the provider's name. The command does not inherit
    keys of models: `others` are variables that hold some, beside the known ones.
    Raises `CredentialsError` when a command or the keyring fails.
    """
    variable = _variable(name, config, env)
    if variable and (key := env.get(variable, "").strip()):
        return _sendable(key, variable)
    if config.api_key_cmd:
        return _sendable(
            _from_command(name, config.api_key_cmd, child_environment.for_key_command(env, others)),
            f"what {config.api_key_cmd[0]} printed",
        )
    if config.api_key_keyring:
        return _sendable(_from_keyring(name, config.api_key_keyring), "the keyring")
    return None


def _variable(name: str, config: ProviderConfig, env: Mapping[str, str]) -> str | None:
    """The variable to read: the profile's, or the vendor's where its key may be sent."""
    if config.api_key_env:
        return config.api_key_env
    return KINDS[config.kind].key_env if _key_belongs(name, config, env) else None


def _key_belongs(name: str, config: ProviderConfig, env: Mapping[str, str]) -> bool:
    kind = KINDS[config.kind]
    url = base_url(name, config, env)
    if kind.key_host is None:
        return name == config.kind or (bool(url) and url == _vendor_address(config.kind, env))
    return _is_vendors_host(config, url) or (kind.key_follows and url == _vendor_address(config.kind, env))


def _is_vendors_host(config: ProviderConfig, url: str) -> bool:
    """Whether an address is the vendor's own host over HTTPS."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = "@" not in url and "\\" not in url
    return plain and parts.scheme == "https" and parts.hostname == KINDS[config.kind].key_host


def withheld(name: str, config: ProviderConfig, env: Mapping[str, str]) -> str | None:
    """The vendor's variable whose key is not sent, because the address is not the vendor's."""
    variable = KINDS[config.kind].key_env
    if not variable or not env.get(variable) or config.api_key_env or _key_belongs(name, config, env):
        return None
    return variable


def key_origin(name: str, config: ProviderConfig, env: Mapping[str, str]) -> str | None:
    """Where `api_key` would find the key; runs no command."""
    variable = _variable(name, config, env)
    if variable and env.get(variable, "").strip():
        return f"environment {variable}"
    if config.api_key_cmd:
        return f"command {config.api_key_cmd[0]}"
    return f"keyring {config.api_key_keyring}" if config.api_key_keyring else None


def key_print(name: str, config: ProviderConfig, env: Mapping[str, str]) -> str:
    """
    A few digits that another key or address would change, and that tell neither; runs no command.

    Of a key that a command or the keyring gives, they tell only which one.
    """
    variable = _variable(name, config, env)
    key = env.get(variable, "").strip() if variable else ""
    source = key or repr((config.api_key_cmd, config.api_key_keyring))
    return f"{crc32(f'{base_url(name, config, env)} {source}'.encode('utf-8', 'surrogateescape')):08x}"


def why_not_ready(name: str, config: ProviderConfig, env: Mapping[str, str]) -> str | None:
    """Why the provider can't be used, None when it can; runs no command and sends nothing."""
    kind = KINDS[config.kind]
    if kind.needs_url and not base_url(name, config, env):
        return f"base_url and {kind.url_env} are not set"
    return _why_not_installed(config, env) or _why_no_key(name, config, env)


def _why_not_installed(config: ProviderConfig, env: Mapping[str, str]) -> str | None:
    """The program or package that is missing."""
    kind = KINDS[config.kind]
    if kind.programs:
        program = programs.find(config, env)
        return program if isinstance(program, str) else None
    if kind.extra and not _installed(kind.extra):
        return f"the package {kind.extra} is not installed: {install_command(kind.extra)}"
    return None


def _why_no_key(name: str, config: ProviderConfig, env: Mapping[str, str]) -> str | None:
    origin = key_origin(name, config, env)
    if origin:
        usable = not origin.startswith("keyring ") or _installed("keyring")
        return None if usable else "the package keyring is not installed"
    variable = _variable(name, config, env)
    needed = KINDS[config.kind].needs_key and _is_vendors_host(config, base_url(name, config, env))
    return f"{variable} is not set" if config.api_key_env or needed else None


def _installed(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def _sendable(key: str, source: str) -> str:
    if key.isascii() and key.isprintable() and " " not in key:
        return key
    raise CredentialsError(
        f"not a key: {source} has a space, a line break or a character outside ASCII",
        hint="it must contain only the key",
    )


def _from_command(name: str, command: tuple[str, ...], env: Mapping[str, str]) -> str:
    """What the command prints, without the last line break; its output appears in no error."""
    import subprocess

    said = f"api_key_cmd of {name} failed: {command[0]}"
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, env=dict(env), check=False
        )
    except subprocess.TimeoutExpired:
        raise CredentialsError(f"{said}: no response within {PATIENCE} s") from None
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "cannot be started"
        raise CredentialsError(f"{said}: {reason.lower()}", hint="it is run without a shell") from None
    if run.returncode:
        raise CredentialsError(f"{said}: exit code {run.returncode}", hint="run it yourself to see its output")
    key = run.stdout.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    if not key:
        raise CredentialsError(f"{said}: it printed nothing")
    return key


def _from_keyring(name: str, service: str) -> str:
    from importlib import import_module  # not a dependency: most people have no use for it

    try:
        keyring: Any = import_module("keyring")
        failure: type[Exception] = import_module("keyring.errors").KeyringError
    except ImportError:
        raise CredentialsError(
            f"api_key_keyring of {name} needs the package keyring", hint=install_command("keyring")
        ) from None
    try:
        key: str | None = keyring.get_password(service, name)
    except failure as exc:
        raise CredentialsError(f"the keyring failed for {service}: {type(exc).__name__}") from None
    if not key:
        raise CredentialsError(
            f"the keyring has no password for {service}, {name}", hint=f"keyring set {service} {name}"
        )
    return key
