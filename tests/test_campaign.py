"""Campaigns: copies of one mailing stay together, unrelated mails apart, everywhere alike."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import campaign
from gateway.campaign import choose, comparable, fingerprint, same, similarity

PARCEL = (
    "Dear customer, your parcel could not be delivered because the address was incomplete. "
    "A fee of 1.99 is due before we can send it to you again. Please confirm the payment within "
    "24 hours at https://example.org/track?id=8812 or the parcel goes back to the sender. "
    "Questions? Write to help@example.org. We thank you for your trust in our delivery service "
    "and wish you a pleasant day."
)
LOTTERY = (
    "Congratulations! Your ticket was drawn as one of this year's winners of our international "
    "promotion. To release the prize money of two million to you, our lawyer needs your full "
    "name, telephone number and a copy of your passport, and a small advance for the paper work "
    "of the bank. Keep this letter confidential until the transfer has been made in full."
)
WORDS = (PARCEL + LOTTERY).split()


def mark(text, subject="Subject", name="Name"):
    return fingerprint(text, subject, name)


def nonsense(seed, count):
    dice = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return " ".join("".join(dice.choices(letters, k=dice.randint(2, 9))) for _ in range(count))


@pytest.mark.parametrize(
    "copy",
    [
        PARCEL.upper(),
        PARCEL.replace("8812", "993412").replace("1.99", "7.49").replace("24", "48"),
        PARCEL.replace("https://example.org/track?id=8812", "http://a.example.net/x"),
        PARCEL.replace("help@example.org", "other.person@example.com"),
        PARCEL.replace(" ", "  \r\n\t"),
        PARCEL.replace("parcel", "par\u200bc\u00adel"),
        PARCEL.replace("parcel", "p\u0430rc\u0435l"),
        PARCEL.replace("parcel", "\uff50arcel"),
        PARCEL.replace("parcel", "par\x00cel"),
        PARCEL.replace("help@", "\u202ehelp@"),
    ],
)
def test_a_copy_with_other_numbers_links_case_spaces_or_unseen_signs_has_the_same_digest(copy):
    assert mark(copy) == mark(PARCEL)


def test_a_copy_that_greets_by_name_stays_in_the_campaign():
    anna = mark(PARCEL.replace("Dear customer", "Dear Anna Example"))
    assert anna.exact != mark(PARCEL).exact
    assert same(anna.marks, mark(PARCEL).marks)
    assert choose(anna, {"c-1": mark(PARCEL).marks, "c-2": mark(LOTTERY).marks}) == "c-1"


def test_unrelated_mails_stay_apart():
    assert similarity(mark(PARCEL).marks, mark(LOTTERY).marks) < 0.1
    assert choose(mark(PARCEL), {"c-2": mark(LOTTERY).marks}) is None


def test_a_subject_in_common_joins_no_long_mails():
    one = mark(PARCEL, subject="Important message for you from the bank")
    other = mark(LOTTERY, subject="Important message for you from the bank")
    assert not same(one.marks, other.marks)


def test_a_short_body_is_told_apart_by_subject_and_display_name():
    one = mark("Please see the picture.", "Your parcel is waiting", "Parcel service")
    other = mark("Please see the picture.", "You have won a new telephone today", "Prize desk")
    assert one.exact != other.exact
    assert not same(one.marks, other.marks)


def test_an_unsubscribe_foot_glues_no_mails_whose_lure_is_a_picture():
    foot = (
        "If you no longer wish to receive these messages, unsubscribe here.\n"
        "You received this because you gave us your address at a partner site of ours.\n"
        "All rights reserved, Example Mailing, 12 Example Street.\n"
    )
    one = mark(foot, "Your parcel is waiting", "Parcel service")
    other = mark(foot, "You have won a new telephone today", "Prize desk")
    assert not same(one.marks, other.marks)
    assert one.words < campaign.SHORT


@pytest.mark.parametrize(
    ("text", "subject", "name"),
    [
        ("", None, None),
        ("", "", ""),
        (" \r\n\u200b", "Hello to all of you", None),
        ("", None, "Somebody with a name"),
        ("", "Hi", "Anna"),
        ("...", "!", "?"),
        ("ok", None, None),
    ],
)
def test_a_mail_that_says_nothing_is_like_no_other(text, subject, name):
    empty = fingerprint(text, subject, name)
    assert not comparable(empty)
    assert empty.marks == ()
    assert choose(empty, {"c-1": (), "c-2": mark(PARCEL).marks}) is None
    assert not same(empty.marks, empty.marks)


def test_an_empty_body_is_recognised_by_subject_and_display_name_together():
    one = fingerprint("", "Your account is locked", "Example Bank")
    assert comparable(one)
    assert one == fingerprint("\n\n", "your ACCOUNT is locked", "Example bank")
    assert one.exact != fingerprint("", "Your account is locked", "Another Bank").exact


def test_where_subject_ends_and_name_begins_makes_a_difference():
    one = fingerprint("", "one two three four", "five six")
    assert one.exact != fingerprint("", "one two three", "four five six").exact


def test_a_language_without_spaces_is_compared_too():
    text = (
        "您的包裹无法投递因为地址不完整请在二十四小时内确认付款否则包裹将退回给寄件人谢谢您的信任祝您愉快"
        * 2
    )
    copy = text.replace("包裹", "快递", 1)
    assert mark(text).words > campaign.SHORT
    assert mark(text).exact != mark(copy).exact
    assert same(mark(text).marks, mark(copy).marks)


def test_the_best_leader_wins_and_of_equals_the_smallest_id():
    near = mark(PARCEL.replace("Dear customer", "Dear Anna")).marks
    exact = mark(PARCEL).marks
    assert choose(mark(PARCEL), {"a": near, "b": exact}) == "b"
    assert choose(mark(PARCEL), {"b": exact, "a": exact}) == "a"
    assert choose(mark(PARCEL), {"a": exact, "b": exact}) == "a"


def test_a_tenth_of_words_replaced_mostly_stays_and_a_half_never_does():
    dice = random.Random(7)
    kept = {0.05: 0, 0.5: 0}
    for share in kept:
        for seed in range(100):
            words = nonsense(seed, 300).split()
            leader = mark(" ".join(words))
            for place in dice.sample(range(300), int(300 * share)):
                words[place] = "replaced" + "abcdefghij"[place % 10]
            kept[share] += same(leader.marks, mark(" ".join(words)).marks)
    assert kept[0.05] >= 95
    assert kept[0.5] == 0


def test_the_estimate_is_near_the_true_similarity():
    words = nonsense(1, 800).split()
    whole, half = mark(" ".join(words)), mark(" ".join(words[:400]))
    assert 0.3 < similarity(whole.marks, half.marks) < 0.7


def test_another_process_finds_the_same_fingerprint():
    here = mark(PARCEL + " ünïcödé")
    program = (
        "import sys; from gateway.campaign import fingerprint as f;"
        "x = f(sys.argv[1], 'Subject', 'Name'); print(x.exact, *x.marks)"
    )
    for seed in ("1", "2"):
        said = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program, PARCEL + " ünïcödé"],
            capture_output=True,
            check=True,
            cwd=Path(campaign.__file__).parents[1],
            env={"PYTHONHASHSEED": seed, "LC_ALL": "C.UTF-8"},
        ).stdout.split()
        assert said[0].decode() == here.exact
        assert tuple(map(int, said[1:])) == here.marks


def test_the_fingerprint_is_the_one_that_stands_in_stores_already():
    # A change of these would part every running campaign from its next mail.
    pinned = fingerprint("one two three four five", "Some subject", "Some name")
    assert pinned.exact == "baf984911518c83eaa9206d0bce33013"
    assert pinned.marks[:2] == (1128993898875749323, 2242049667034743479)


@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_any_text_gives_sorted_marks_that_a_database_can_hold(text, subject, name):
    found = fingerprint(text, subject, name)
    assert list(found.marks) == sorted(set(found.marks))
    assert len(found.marks) <= campaign.MARKS
    assert all(0 <= one < 2**63 for one in found.marks)
    assert bool(found.marks) == comparable(found)
    assert len(found.exact) == (32 if found.marks else 0)


@given(st.lists(st.sampled_from(WORDS), min_size=50, max_size=120))
def test_every_mail_is_the_same_as_itself_and_similarity_has_no_direction(words):
    one, other = mark(" ".join(words)), mark(PARCEL)
    assert similarity(one.marks, one.marks) == 1.0
    assert similarity(one.marks, other.marks) == similarity(other.marks, one.marks)
    assert 0.0 <= similarity(one.marks, other.marks) <= 1.0


@given(st.text(alphabet="ab .@:/w\u0430\u200b中1", max_size=400), st.integers(0, 9))
def test_digits_and_case_never_matter(text, digit):
    words = text + " and some more words that make it long enough " * 5
    changed = words.upper().lower().replace("1", str(digit))
    assert mark(changed).exact == mark(words).exact


@pytest.mark.parametrize(
    "sign", ["a", " ", "@", "://", "www.", ".", "\n", "\u0430", "中", "\ufdfa", "\u200b", "1"]
)
def test_a_million_of_one_sign_is_bounded(sign):
    assert mark(sign * 1_000_000).words <= campaign.WORDS
