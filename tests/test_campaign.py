"""Campaigns: copies of one mailing stay together, unrelated mails apart, everywhere alike."""

import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.campaign import choose, comparable, fingerprint, kit, likeness, similarity
from gateway.campaign.sketch import MARKS, SHORT
from gateway.campaign.sketch import WORDS as MOST
from gateway.model import Link, Mailbox, Message

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


def letter(subject="Subject", name="Name", **changes):
    fields = {
        "sha256": "00" * 32,
        "size": 1,
        "subject": subject,
        "sender": None if name is None else Mailbox(name=name, address="news@example.com"),
        "envelope_sender": None,
        "date": None,
        "message_id": None,
        "headers": (),
    }
    return Message(**fields | changes)


def mark(text, subject="Subject", name="Name", **changes):
    return fingerprint(text, letter(subject, name, **changes))


def same(one, other):
    assert likeness(one, other) == likeness(other, one)
    return likeness(one, other) > 0


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
    assert same(anna, mark(PARCEL))
    assert choose(anna, {"c-1": mark(PARCEL), "c-2": mark(LOTTERY)}) == "c-1"


def test_unrelated_mails_stay_apart():
    assert similarity(mark(PARCEL).marks, mark(LOTTERY).marks) < 0.1
    assert choose(mark(PARCEL), {"c-2": mark(LOTTERY)}) is None


def test_a_subject_in_common_joins_no_long_mails():
    one = mark(PARCEL, subject="Important message for you from the bank")
    other = mark(LOTTERY, subject="Important message for you from the bank")
    assert not same(one, other)


def test_a_short_body_is_told_apart_by_subject_and_display_name():
    one = mark("Please see the picture.", "Your parcel is waiting", "Parcel service")
    other = mark("Please see the picture.", "You have won a new telephone today", "Prize desk")
    assert one.exact != other.exact
    assert not same(one, other)


def test_an_unsubscribe_foot_glues_no_mails_whose_lure_is_a_picture():
    foot = (
        "If you no longer wish to receive these messages, unsubscribe here.\n"
        "You received this because you gave us your address at a partner site of ours.\n"
        "All rights reserved, Example Mailing, 12 Example Street.\n"
    )
    one = mark(foot, "Your parcel is waiting", "Parcel service")
    other = mark(foot, "You have won a new telephone today", "Prize desk")
    assert not same(one, other)
    assert one.words < SHORT


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
    empty = mark(text, subject, name)
    assert not comparable(empty)
    assert empty.marks == ()
    assert choose(empty, {"c-1": empty, "c-2": mark(PARCEL)}) is None
    assert not same(empty, empty)


def test_an_empty_body_is_recognised_by_subject_and_display_name_together():
    one = mark("", "Your account is locked", "Example Bank")
    assert comparable(one)
    assert one == mark("\n\n", "your ACCOUNT is locked", "Example bank")
    assert one.exact != mark("", "Your account is locked", "Another Bank").exact


def test_where_subject_ends_and_name_begins_makes_a_difference():
    one = mark("", "one two three four", "five six")
    assert one.exact != mark("", "one two three", "four five six").exact


def test_a_language_without_spaces_is_compared_too():
    text = (
        "您的包裹无法投递因为地址不完整请在二十四小时内确认付款否则包裹将退回给寄件人谢谢您的信任祝您愉快"
        * 2
    )
    copy = text.replace("包裹", "快递", 1)
    assert mark(text).words > SHORT
    assert mark(text).exact != mark(copy).exact
    assert same(mark(text), mark(copy))


def test_the_best_leader_wins_and_of_equals_the_smallest_id():
    near = mark(PARCEL.replace("Dear customer", "Dear Anna"))
    exact = mark(PARCEL)
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
            kept[share] += same(leader, mark(" ".join(words)))
    assert kept[0.05] >= 95
    assert kept[0.5] == 0


def test_the_estimate_is_near_the_true_similarity():
    words = nonsense(1, 400).split()
    whole, half = mark(" ".join(words)), mark(" ".join(words[:200]))
    assert 0.3 < similarity(whole.marks, half.marks) < 0.7


def test_another_process_finds_the_same_fingerprint():
    here = mark(PARCEL + " ünïcödé")
    program = (
        "import sys; from tests.test_campaign import mark;"
        "x = mark(sys.argv[1]);"
        "print(x.exact, *x.marks, *x.lead, *x.topic, *x.brand, x.kit)"
    )
    for seed in ("1", "2"):
        said = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program, PARCEL + " ünïcödé"],
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[1],
            env={"PYTHONHASHSEED": seed, "LC_ALL": "C.UTF-8"},
        ).stdout.split()
        numbers = [*here.marks, *here.lead, *here.topic, *here.brand]
        assert [one.decode() for one in said] == [here.exact, *map(str, numbers)]


def test_the_fingerprint_is_the_one_that_stands_in_stores_already():
    # A change of these would part every running campaign from its next mail.
    pinned = mark("one two three four five", "Some subject", "Some name")
    assert pinned.exact == "baf984911518c83eaa9206d0bce33013"
    assert pinned.marks[:2] == (188727006, 392562732)
    assert pinned.lead == (55541, 26237, 52427)
    assert pinned.topic == (56398, 15994)
    assert kit_of() == "b05fc76aa0c40495"


@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_any_text_gives_sorted_marks_that_a_database_can_hold(text, subject, name):
    found = mark(text, subject, name)
    assert list(found.marks) == sorted(set(found.marks))
    assert len(found.marks) <= MARKS
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
    assert mark(sign * 1_000_000).words <= MOST


LEGAL = (
    "This message and its attachments are meant only for the person to whom they are addressed. "
    "If you are not that person you may not copy, forward or use any part of it. Please tell the "
    "sender at once and delete it from your system. Messages sent over the net can be changed, "
    "delayed or lost on their way, and the firm takes no liability for damage that follows. The "
    "firm is entered in the register of companies; its directors and its seat are named there. "
    "Opinions in this message are those of its author. Prices are given with all taxes and are "
    "valid while stocks last. Pictures are examples and may differ from the goods that are sent."
)


def test_a_long_text_that_a_kit_puts_under_every_lure_joins_none():
    one = mark(f"{PARCEL[:160]}\n{LEGAL}", "Your parcel is waiting for its fee")
    other = mark(f"{LOTTERY[:160]}\n{LEGAL}", "You won a prize of two million")
    assert similarity(one.marks, other.marks) > 0.5
    assert not same(one, other)
    assert same(one, mark(f"Hola Anna,\n{PARCEL[:160]}\n{LEGAL}", "Anna, the parcel waits"))


def test_two_people_of_one_firm_do_not_write_one_mailing():
    one = mark(f"Hello Anna,\nshall we meet for lunch on Friday?\n{LEGAL}", "Lunch on Friday")
    other = mark(f"Hello Bruno,\nthe invoice of March is still open.\n{LEGAL}", "Open invoice")
    assert not same(one, other)


def test_one_wording_for_two_brands_is_two_lures():
    def lure(brand):
        said = PARCEL.replace("your parcel", f"your {brand} parcel", 1) + f" Yours, {brand}"
        return mark(said, f"{brand}: your parcel", f"{brand} Service")

    assert same(lure("Corfin"), mark(PARCEL))
    assert similarity(lure("Corfin").marks, lure("Holmor").marks) > 0.7
    assert not same(lure("Corfin"), lure("Holmor"))


def test_a_name_that_is_signed_once_may_differ_from_copy_to_copy():
    one = mark(f"{PARCEL} Yours, Anna Example", name="Anna Example")
    other = mark(f"{PARCEL} Yours, Bruno Sample", name="Bruno Sample")
    assert same(one, other)


WRAPPER = (
    "What is this, please?\n\n---------- Forwarded message ---------\n"
    "From: Parcel service <news@example.com>\nDate: Mon, 3 Mar 2025 at 08:00\n"
    "Subject: Your parcel\nTo: <anna@example.net>\n\n"
)
GERMAN_WRAPPER = (
    "-----Urspr\u00fcngliche Nachricht-----\nVon: Paket <news@example.com>\n"
    "Gesendet: Montag, 3. M\u00e4rz 2025\nAn: anna@example.net\nBetreff: Ihr Paket\n\n"
)


@pytest.mark.parametrize("wrapper", [WRAPPER, GERMAN_WRAPPER])
def test_a_mail_forwarded_in_the_text_of_another_is_read_from_where_it_begins(wrapper):
    assert mark(wrapper + PARCEL).exact == mark(PARCEL).exact
    short = PARCEL.partition(".")[0], LOTTERY.partition(".")[0]
    assert not same(mark(wrapper + short[0], "Fwd: one"), mark(wrapper + short[1], "Fwd: two"))


def test_a_mail_that_only_poses_as_an_answer_is_read_from_its_beginning():
    posed = mark(f"{PARCEL} {LEGAL}\n{WRAPPER}{LOTTERY}")
    assert not same(posed, mark(LOTTERY))


def test_cover_text_neither_joins_nor_parts():
    covers = [nonsense(seed, 150) for seed in (3, 4)]
    one, other = (mark(f"{PARCEL}\n{cover}") for cover in covers)
    assert similarity(one.marks, other.marks) < 0.5
    assert same(one, other)
    assert not same(one, mark(f"{LOTTERY}\n{covers[0]}"))


def test_a_campaign_does_not_drift_away_from_its_first_mail():
    words = nonsense(9, 200).split()
    marks = [mark(" ".join(words), "Three words always")]
    for step in range(9):
        words[180 - step * 20 : 200 - step * 20] = nonsense(100 + step, 20).split()
        marks.append(mark(" ".join(words), "Three words always"))
    assert all(same(one, other) for one, other in pairwise(marks))
    assert choose(marks[-1], {"c": marks[0]}) is None


def test_the_recipients_own_name_makes_no_difference_at_all():
    def copy(name, address):
        said = f"{name}, {PARCEL}"
        return mark(said, f"{name}: your parcel", recipients=(address,), recipient_names=(name,))

    assert copy("Anna", "anna.example@example.net") == copy("Bruno", "b.sample@example.net")


HEADERS = (
    ("Received", "from a.example.com by b.example.org"),
    ("Subject", "one"),
    ("From", "a@example.com"),
    ("Message-Id", "<4a-9.77@example.com>"),
    ("Content-Type", 'multipart/alternative; boundary="--_a8_9"'),
    ("X-Mailer", "Mass Sender 4.1"),
)
PAGE = b'<html><body style="margin:0"><table width="600"><tr><td><p>Dear Anna</p><a href="x">y</a>'
LINKS = (Link(url="https://a.example.com/c/1a2b?u=77", host="a.example.com"),)


def kit_of(headers=HEADERS, page=PAGE, links=LINKS):
    named = next((value for name, value in headers if name.lower() == "message-id"), None)
    return kit.name(letter(headers=headers, links=links, message_id=named), page)


def test_different_lures_made_with_one_kit_show_its_name():
    changed = tuple(
        (name, value.replace("one", "two").replace("4a-9.77", "bb0-12.1").replace("a8", "7fe"))
        for name, value in HEADERS
    )
    other = Link(url="https://b.example.net/c/ffff?u=9", host="b.example.net")
    page = PAGE.replace(b"<p>Dear Anna</p>", b"<h1>You won</h1><p>Two million</p>")
    assert len(kit_of()) == 16
    assert kit_of(changed, page, (other,)) == kit_of()
    way = (("X-Received", "by 192.0.2.1"), *HEADERS, ("X-Spam-Score", "3"))
    assert kit_of(way) == kit_of()


@pytest.mark.parametrize(
    "changed",
    [
        {"headers": (HEADERS[2], HEADERS[1], *HEADERS[3:])},
        {"headers": tuple((n.replace("Message-Id", "Message-ID"), v) for n, v in HEADERS)},
        {"headers": tuple((n, v.replace("4a-9.77", "4a977")) for n, v in HEADERS)},
        {"headers": tuple((n, v.replace("Mass Sender", "Other Sender")) for n, v in HEADERS)},
        {"headers": tuple((n, v.replace("--_a8_9", "==a89")) for n, v in HEADERS)},
        {"page": PAGE.replace(b"<table", b"<div><table")},
        {"page": PAGE.replace(b"style=", b"bgcolor=")},
        {"links": (Link(url="https://a.example.com/c/d/1a2b?u=77", host="a.example.com"),)},
        {"links": (Link(url="https://a.example.com/c/1a2b?id=77", host="a.example.com"),)},
    ],
)
def test_another_skeleton_is_another_kit(changed):
    assert kit_of(**changed) != kit_of()


def test_a_plain_text_without_a_link_shows_no_kit():
    assert kit_of(page=b"", links=()) == ""
    assert kit_of(page=b"") != ""


@given(st.binary(max_size=300), st.text(max_size=80), st.text(max_size=80))
def test_any_header_page_and_link_give_a_kit(page, value, url):
    names = ("Message-ID", "Content-Type", "X-Mailer", value[:5])
    headers = tuple((name, value) for name in names)
    found = kit_of(headers, page, (Link(url=url, host="h"),))
    assert len(found) == 16
