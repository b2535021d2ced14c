"""Passkeys between browser and store: WebAuthn Level 2, by challenges that live in the session."""

import json
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import request, session
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from vrm.kernel import factors
from vrm.kernel.accounts import Account, digest
from vrm.kernel.errors import BadInput
from vrm.kernel.factors import Passkey
from vrm.web.desk import db, now
from vrm.web.words import _

_CHALLENGE = "passkey_challenge"


def possible() -> bool:
    """Whether browsers make passkeys for this host: it must have a name, and https unless it is this machine."""
    host = _host()
    try:
        ip_address(host)
    except ValueError:
        return request.scheme == "https" or host == "localhost"
    return False


def registration(account: Account) -> dict[str, Any]:
    """What `navigator.credentials.create` is asked for."""
    options = generate_registration_options(
        rp_id=_host(),
        rp_name="VRM",
        # Stable, and tells a device nothing of the person (WebAuthn L2 §14.6.1).
        user_id=bytes.fromhex(digest(f"passkeys of {account.id}")),
        user_name=account.email,
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=kept.credential_id) for kept in factors.passkeys_of(db(), account)
        ],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return _with_challenge(options.challenge, options_to_json_dict(options))


def register(account: Account, answer: str, name: str) -> Passkey:
    """Keep what the browser made. BadInput when it does not answer our last challenge."""
    try:
        made = verify_registration_response(
            credential=_read(answer),
            expected_challenge=_challenge(),
            expected_rp_id=_host(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except (WebAuthnException, KeyError, TypeError, ValueError) as error:
        raise BadInput({"passkey_name": _("The passkey was not made. Please try once more.")}) from error
    if factors.passkey(db(), made.credential_id) is not None:
        raise BadInput({"passkey_name": _("This device has a passkey for you already.")})
    return factors.add_passkey(
        db(),
        account,
        now(),
        name=name,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        count=made.sign_count,
    )


def request_for_anybody() -> dict[str, Any]:
    """What `navigator.credentials.get` is asked for: the device knows who it is."""
    options = generate_authentication_options(rp_id=_host(), user_verification=UserVerificationRequirement.REQUIRED)
    return _with_challenge(options.challenge, options_to_json_dict(options))


def owner(answer: str) -> Account:
    """Who answered our last challenge. BadInput when nobody whom we know did."""
    refusal = BadInput({"passkey": _("This passkey is not known here. A link by mail always works.")})
    try:
        credential = _read(answer)
        kept = factors.passkey(db(), base64url_to_bytes(str(credential["rawId"])))
        if kept is None:
            raise refusal
        proven = verify_authentication_response(
            credential=credential,
            expected_challenge=_challenge(),
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=kept.public_key,
            credential_current_sign_count=kept.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, KeyError, TypeError, ValueError) as error:
        raise refusal from error
    kept.sign_count, kept.last_used_at = proven.new_sign_count, now()
    db().flush()
    return kept.account


def _with_challenge(challenge: bytes, options: dict[str, Any]) -> dict[str, Any]:
    session[_CHALLENGE] = bytes_to_base64url(challenge)
    return options


def _challenge() -> bytes:
    # Taken out: one answer to one challenge.
    return base64url_to_bytes(session.pop(_CHALLENGE, ""))


def _read(answer: str) -> dict[str, Any]:
    read = json.loads(answer)
    if not isinstance(read, dict):
        raise TypeError("A credential is an object.")
    return read


def _host() -> str:
    return urlsplit(f"//{request.host}").hostname or ""


def _origin() -> str:
    return f"{request.scheme}://{request.host}"
