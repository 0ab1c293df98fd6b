"""Money, time, settings, randomness."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortlist.core.clock import HOUR_US, SECOND_US, local_day
from shortlist.core.errors import SettingsError, ShortlistError
from shortlist.core.money import format_micros, price_micros
from shortlist.core.randomness import generator, new_draw_key
from shortlist.core.settings import Settings, load_settings


@pytest.mark.property
@given(st.floats(0, 1e12), st.integers(0, 10**12))
def test_a_price_is_whole_and_at_most_a_micro_over_and_never_over_the_bid(price, bid):
    (charged,) = price_micros(np.array([price]), np.array([bid])).tolist()
    assert charged <= bid
    assert charged <= price + 1
    assert charged >= min(price - 1e-6, bid)


def test_float_dust_is_not_a_micro():
    assert price_micros(np.array([3.0000000004, 3.0001]), np.array([9, 9])).tolist() == [3, 4]


@pytest.mark.property
@given(st.integers(-(10**15), 10**15))
def test_amounts_survive_being_written_for_people(amount):
    assert Fraction(format_micros(amount)) * 1_000_000 == amount


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)], ids=["spring", "autumn", "plain"]
)
def test_a_local_day_is_as_long_as_the_clock_change_makes_it(day, hours):
    noon = int(np.datetime64(f"{day}T10:00", "us").astype(np.int64))
    start, end = local_day(noon, "Europe/Madrid")
    assert (end - start) // HOUR_US == hours
    assert local_day(start, "Europe/Madrid") == (start, end)
    assert local_day(end - 1, "Europe/Madrid") == (start, end)
    assert local_day(end, "Europe/Madrid")[0] == end
    assert local_day(start - SECOND_US, "Europe/Madrid")[1] == start


def test_an_unknown_time_zone_is_named():
    with pytest.raises(ShortlistError, match="no time zone 'Mars/Olympus'"):
        local_day(0, "Mars/Olympus")


def test_settings_default_and_are_read(tmp_path):
    assert load_settings() == Settings()
    path = tmp_path / "shortlist.toml"
    path.write_text("[feed]\ntemperature = 0.5\n[server]\nport = 9\n")
    read = load_settings(path)
    assert (read.feed.temperature, read.server.port, read.search) == (0.5, 9, Settings().search)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[feed]\ntemprature = 1", "unknown key 'feed.temprature'.*did you mean 'feed.temperature'"),
        ("[fead]\n", "unknown key 'fead'.*did you mean 'feed'"),
        ("[feed]\ntemperature = -1", "feed.temperature"),
        ("[feed]\ntemperature = 'hot'", "feed.temperature"),
        ("[feed\n", "not TOML"),
    ],
)
def test_wrong_settings_are_refused_with_the_place(tmp_path, text, message):
    path = tmp_path / "shortlist.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_settings(path)


def test_a_draw_key_replays():
    key = new_draw_key()
    assert 0 <= key < 2**53, "the same number in every JSON reader"
    assert generator(key).random(3).tolist() == generator(key).random(3).tolist()
