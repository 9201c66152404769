"""Sealed secrets: only the passphrase opens them, in their own place, unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import sealing

PASSPHRASE = sealing.new_passphrase()
SEAL = sealing.new_seal(PASSPHRASE)
KEY = sealing.unlock(PASSPHRASE, SEAL)


def test_a_passphrase_is_six_groups_and_never_twice_the_same() -> None:
    made = {sealing.new_passphrase() for _ in range(50)}
    assert len(made) == 50
    for passphrase in made:
        groups = passphrase.split("-")
        assert [len(group) for group in groups] == [4] * 6
        assert set("".join(groups)) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@given(secret=st.binary(max_size=300), context=st.binary(max_size=60))
def test_what_was_sealed_opens_with_the_passphrase(secret: bytes, context: bytes) -> None:
    sealed = sealing.seal_secret(secret, public_key=SEAL.public_key, context=context)
    assert sealing.open_secret(sealed, private_key=KEY, context=context) == secret


@given(secret=st.binary(min_size=8, max_size=64), data=st.data())
def test_a_changed_byte_is_noticed(secret: bytes, data: st.DataObject) -> None:
    sealed = bytearray(sealing.seal_secret(secret, public_key=SEAL.public_key, context=b"row"))
    # The last bit of an X25519 key is not looked at; every other one counts.
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 127))
    with pytest.raises(sealing.CannotOpen):
        sealing.open_secret(bytes(sealed), private_key=KEY, context=b"row")


@given(one=st.binary(max_size=20), other=st.binary(max_size=20))
def test_a_secret_opens_in_its_own_place_only(one: bytes, other: bytes) -> None:
    sealed = sealing.seal_secret(b"key", public_key=SEAL.public_key, context=one)
    if one == other:
        return
    with pytest.raises(sealing.CannotOpen):
        sealing.open_secret(sealed, private_key=KEY, context=other)


@given(cut=st.integers(0, 60))
def test_a_cut_secret_is_refused(cut: int) -> None:
    sealed = sealing.seal_secret(b"0123456789", public_key=SEAL.public_key, context=b"")
    with pytest.raises(sealing.CannotOpen):
        sealing.open_secret(sealed[: min(cut, len(sealed) - 1)], private_key=KEY, context=b"")


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    made = {sealing.seal_secret(b"x", public_key=SEAL.public_key, context=b"") for _ in range(20)}
    assert len(made) == 20


@settings(max_examples=5, deadline=None)
@given(typed=st.text(max_size=30))
def test_another_passphrase_opens_nothing(typed: str) -> None:
    if typed == PASSPHRASE:
        return
    with pytest.raises(sealing.CannotOpen):
        sealing.unlock(typed, SEAL)


def test_the_key_of_another_seal_opens_nothing() -> None:
    stranger = sealing.unlock(PASSPHRASE, sealing.new_seal(PASSPHRASE))
    sealed = sealing.seal_secret(b"x", public_key=SEAL.public_key, context=b"")
    with pytest.raises(sealing.CannotOpen):
        sealing.open_secret(sealed, private_key=KEY, context=b"y")
    same = sealing.unlock(PASSPHRASE, SEAL)
    assert sealing.open_secret(sealed, private_key=same, context=b"") == b"x"
    with pytest.raises(sealing.CannotOpen):
        sealing.unlock(PASSPHRASE, sealing.Seal(public_key=bytes(32), salt=SEAL.salt))
    assert stranger.public_key() != same.public_key()
