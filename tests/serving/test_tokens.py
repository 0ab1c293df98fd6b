"""A token says what was agreed when the ad was shown, and only its issuer can make or change one."""

import base64

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.errors import InvalidRequest
from shortlist.core.page import ShownAd
from shortlist.serving import tokens

KEY, OTHER = b"k" * 32, b"o" * 32
SERVED_US = 1_000
AD = ShownAd(
    slot=2,
    item=12,
    campaign=7,
    creative=1,
    keyword=3,
    match_type="exact",
    currency="EUR",
    bid=900_000,
    reserve=50_000,
    quality=0.3,
    p_click_1=0.25,
    slot_effect=0.5,
    auction_score=270_000.0,
    price=(1 << 53) + 1,
    selection_propensity=1.0,
)
TOKEN = tokens.issue(AD, request_id="p1", served_us=SERVED_US, key=KEY)


def verify(token: str, *, impression: str = "p1/2", now_us: int = SERVED_US, key: bytes = KEY) -> tokens.AdClaim:
    return tokens.verify(token, impression=impression, now_us=now_us, key=key)


def test_round_trip() -> None:
    claim = verify(TOKEN)
    assert (claim.impression, claim.campaign, claim.keyword, claim.price, claim.currency) == (
        "p1/2",
        7,
        3,
        AD.price,
        "EUR",
    )
    assert claim.expires_us == SERVED_US + tokens.LIFETIME_US


def test_another_installations_token_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="not issued by this installation"):
        verify(tokens.issue(AD, request_id="p1", served_us=SERVED_US, key=OTHER))


@pytest.mark.parametrize("impression", ["p1/1", "p2/2", "p1/22", ""])
def test_another_ads_token_is_refused(impression: str) -> None:
    with pytest.raises(InvalidRequest, match="another ad"):
        verify(TOKEN, impression=impression)


def test_it_expires() -> None:
    assert verify(TOKEN, now_us=SERVED_US + tokens.LIFETIME_US - 1)
    with pytest.raises(InvalidRequest, match="expired"):
        verify(TOKEN, now_us=SERVED_US + tokens.LIFETIME_US)


def test_a_cheaper_claim_needs_the_key() -> None:
    payload, mac = TOKEN.split(".")
    claim = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=="))
    claim[3] = 1
    cheaper = base64.urlsafe_b64encode(msgspec.json.encode(claim)).decode().rstrip("=")
    with pytest.raises(InvalidRequest, match="not issued"):
        verify(f"{cheaper}.{mac}")


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="utf-8"))
@settings(max_examples=150, derandomize=True)
def test_no_changed_character_goes_through(place: int, character: str) -> None:
    """The last character of a base64 group may carry bits that are not read: then it is the same claim."""
    forged = TOKEN[:place] + character + TOKEN[place + 1 :]
    try:
        claim = verify(forged)
    except InvalidRequest:
        return
    assert claim == verify(TOKEN)
    assert forged == TOKEN or place in (TOKEN.index(".") - 1, len(TOKEN) - 1)


@given(st.text(max_size=60))
@settings(max_examples=100, derandomize=True)
def test_whatever_is_sent_is_refused_clearly(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        verify(text)
    assert refused.value.where == "token"
    assert refused.value.fix
