"""Categories: what the signs show, said in words; and ``other`` where they show little."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.campaign import fold
from gateway.category import judge, signs
from gateway.model import Attachment, Category, Link, Mailbox, Message


def mail(subject="Hello", sender="someone@example.org", name=None, **more):
    return Message(
        sha256="0" * 64,
        size=1,
        subject=subject,
        sender=Mailbox(name=name, address=sender) if sender else None,
        envelope_sender=None,
        date=None,
        message_id=None,
        headers=more.pop("headers", ()),
        links=tuple(Link(url=f"https://{host}/a", host=host) for host in more.pop("hosts", ())),
        attachments=tuple(
            Attachment(name=each, media_type="application/octet-stream", size=1, sha256="0" * 64)
            for each in more.pop("files", ())
        ),
        **more,
    )


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("invoice.exe", "See attached.", "carries the program invoice.exe"),
        ("INVOICE.PDF.JS", "", "carries the program INVOICE.PDF.JS, named like a document"),
        ("photo.jpg.scr. ", "", "carries the program photo.jpg.scr, named like a document"),
        ("order.iso", "Please see the order", "carries the disk image order.iso"),
        ("bill.docm", "Please Enable   Content to view.", "asks to switch macros on in"),
        ("Rechnung.xlsm", "Bitte Inhalt aktivieren", "asks to switch macros on in"),
        ("scan.zip", "The password is: 4711", "tells the password of the archive scan.zip"),
        ("scan.rar", "Das Passwort lautet 4711", "tells the password of the archive scan.rar"),
        ("a\u202efdp.exe", "", "carries the program a?fdp.exe"),
        ("a\r\nb.exe", "", "carries the program a??b.exe"),
    ],
)
def test_an_attachment_that_harms_is_malware(file, text, says):
    judged = judge(mail(files=(file,)), text)
    assert judged.value is Category.MALWARE
    assert says in judged.why


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("minutes.pdf", "Here are the minutes."),
        ("report.docm", "Here is the report."),
        ("photos.zip", "The photos of Sunday."),
        (None, ""),
        ("noending", ""),
        ("exe", ""),
    ],
)
def test_an_honest_attachment_is_no_malware(file, text):
    assert judge(mail(files=(file,)), text).value is Category.OTHER


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("We ask you to verify your account.", "asks to confirm an account"),
        ("Veuillez confirmer votre compte.", "asks to confirm an account"),
        ("Bitte bestätigen Sie Ihr Konto.", "asks to confirm an account"),
        ("Debe verificar su cuenta.", "asks to confirm an account"),
        ("Your mailbox is full.", "speaks of a password or a full mailbox"),
        ("Your package is waiting.", "speaks of a parcel that waits"),
        ("V\u200berify y\u043eur account", "asks to confirm an account"),
    ],
)
def test_an_appeal_to_an_account_with_a_trap_is_phishing_in_each_language(text, says):
    judged = judge(mail(hosts=("192.0.2.7",)), text)
    assert judged.value is Category.PHISHING
    assert judged.why == f"{says} and links to the bare address 192.0.2.7"


def test_a_borrowed_brand_is_phishing():
    judged = judge(
        mail(name="PayPal Support", sender="x@example.net", hosts=("paypal.com", "example.net")),
        "Please confirm your account.",
    )
    assert judged.value is Category.PHISHING
    assert judged.why == (
        "asks to confirm an account and links to example.net, which is not of paypal"
    )


def test_a_brands_own_mail_is_no_phishing_though_it_also_links_elsewhere():
    own = mail(name="PayPal", sender="service@paypal.com", hosts=("www.paypal.com", "example.net"))
    assert judge(own, "Please confirm your account.").value is Category.OTHER


def test_a_brand_within_another_hosts_name_is_not_its_own():
    false = mail(name="PayPal", sender="a@paypal.com", hosts=("paypal.com.example.net",))
    assert judge(false, "Please confirm your account.").value is Category.PHISHING


def test_two_appeals_and_a_link_that_leads_away_are_phishing():
    text = "Your account will be closed. Verify your identity now."
    assert judge(mail(hosts=("example.net",)), text).value is Category.PHISHING
    assert judge(mail(hosts=("login.example.org",)), text).value is Category.OTHER
    assert judge(mail(), text).value is Category.OTHER


@pytest.mark.parametrize(
    ("url", "host", "says"),
    [
        ("https://bank.example@example.net/x", "example.net", "hides the host example.net"),
        ("https://bank.example@example.net?x", "example.net", "hides the host example.net"),
        ("https://xn--bnk-5cd.example/", "xn--bnk-5cd.example", "written in another alphabet"),
        ("https://[2001:db8::1]/", "2001:db8::1", "links to the bare address 2001:db8::1"),
    ],
)
def test_a_disguised_link_is_a_trap(url, host, says):
    message = mail(subject="Verify your account")
    judged = judge(_with_link(message, url, host), "")
    assert judged.value is Category.PHISHING
    assert says in judged.why


def test_an_at_sign_in_a_path_or_query_is_no_disguise():
    for url in ("https://example.org/@name", "https://example.org?to=a@example.org"):
        message = _with_link(mail(subject="Verify your account"), url, "example.org")
        assert judge(message, "").value is Category.OTHER


def _with_link(message, url, host):
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    return Message(**(fields | {"links": (Link(url=url, host=host),)}))


def test_a_page_in_the_mail_is_a_trap():
    judged = judge(mail(files=("login.html",)), "Your password will expire today.")
    assert judged.value is Category.PHISHING
    assert judged.why.endswith("carries the page login.html")


def test_an_appeal_without_a_trap_and_a_trap_without_an_appeal_are_other():
    assert judge(mail(), "Please verify your account.").value is Category.OTHER
    assert judge(mail(hosts=("192.0.2.7",)), "See you on Sunday.").value is Category.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "I am the lawyer of a deceased client. The sum of 9 million waits. It is confidential.",
        "Vous héritez: un héritage de 2 millions d'euros. Contactez-moi, c'est confidentiel.",
        "Eine Erbschaft von 4 Millionen Euro. Vertraulich!",
        "Una herencia de 3 millones de dolares, asunto confidencial.",
    ],
)
def test_money_that_waits_for_a_private_answer_is_an_advance_fee(text):
    judged = judge(mail(), text)
    assert judged.value is Category.ADVANCE_FEE
    assert "a great sum" in judged.why


@pytest.mark.parametrize(
    "text",
    [
        "My late husband and I thank you for the flowers.",
        "The central bank lends 3 million euros; contact me for the figures.",
        "He inherited the house.",
        "He inherited 3 million euros.",
        "She inherited the house of her late husband.",
        "Our lottery for the school has 200 prizes.",
    ],
)
def test_one_word_of_a_windfall_is_no_advance_fee(text):
    assert judge(mail(), text).value is Category.OTHER


@pytest.mark.parametrize(
    ("text", "headers", "says"),
    [
        ("Best casino", (("List-Unsubscribe", "<mailto:a@example.org>"),), "(List-Unsubscribe)"),
        ("Cheap viagra. To unsubscribe, click.", (), "offers medicines and offers a way off"),
        ("Jetzt bestellen für nur 19,99 €", (), "offers goods and names a price"),
        ("Buy now for $ 5", (), "offers goods and names a price"),
        ("A loan at a discount", (), "offers a loan and a discount"),
        ("Oferta. Darse de baja", (), "offers a discount and offers a way off its list"),
        ("Offre spéciale. Se désabonner", (), "offers a discount and offers a way off its list"),
        ("News. Unsubscribe", (("List-Id", "<a>"),), "was sent in bulk (List-Id) and offers"),
    ],
)
def test_trade_with_a_sign_of_bulk_or_a_price_is_spam(text, headers, says):
    judged = judge(mail(headers=headers), text)
    assert judged.value is Category.SPAM
    assert says in judged.why


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("See you on Sunday at the station.", ()),
        ("The minutes of our meeting.", (("List-Id", "<club.example.org>"),)),
        ("I download the software.", ()),
        ("You owe me $5.", ()),
        ("", ()),
    ],
)
def test_a_mail_with_few_signs_is_other(text, headers):
    judged = judge(mail(headers=headers), text)
    assert judged.value is Category.OTHER
    assert judged.why == "shows too few signs of any category"


def test_the_worse_category_wins():
    text = "Verify your account. Casino! Unsubscribe."
    message = mail(files=("a.exe",), hosts=("192.0.2.7",))
    assert judge(message, text).value is Category.MALWARE
    assert judge(mail(hosts=("192.0.2.7",)), text).value is Category.PHISHING


def test_what_stands_beyond_the_bound_is_not_looked_at():
    assert judge(mail(), "word " * 10_000 + "casino unsubscribe").value is Category.OTHER


def every_sign():
    for table in vars(signs).values():
        yield from (each for each in (table,) if isinstance(each, signs.Sign))
        if isinstance(table, tuple):
            yield from (each for each in table if isinstance(each, signs.Sign))


def test_every_sign_is_sought_and_no_two_say_the_same():
    assert set(every_sign()) == set(signs.EVERY)
    assert len({sign.says for sign in signs.EVERY}) == len(signs.EVERY)


@pytest.mark.parametrize("sign", signs.TRADE, ids=lambda sign: sign.says)
def test_every_text_of_a_sign_of_trade_shows_it_whatever_stands_around(sign):
    """Texts that lie in one another, or overlap, are all found."""
    for stem in sign.stems:
        text = stem.decode()
        for said in (f"x {text} x", f"x{text}x" if text.strip() == text else f"x {text} x"):
            judged = judge(mail(headers=(("List-Id", "<a>"),)), said)
            assert judged.value is Category.SPAM, text
            assert sign.says in judged.why, text


def test_every_sign_is_written_as_a_folded_text_is():
    every = list(every_sign())
    assert len(every) > 20
    for sign in every:
        for stem in sign.stems:
            plain = stem.decode()
            assert plain == fold(plain)
            assert plain.strip(), sign.says
            assert not set(plain) & set(".,;:!?'-_/()[]"), plain


@given(st.text(), st.none() | st.text(), st.none() | st.text(), st.lists(st.text(), max_size=3))
def test_any_mail_is_judged_with_a_reason_that_can_be_shown(text, subject, name, files):
    judged = judge(mail(subject=subject, name=name, files=files, hosts=("a.example",)), text)
    assert judged.why.isprintable()
    assert judged == judge(
        mail(subject=subject, name=name, files=files, hosts=("a.example",)), text
    )


def test_a_mail_without_sender_is_judged_too():
    judged = judge(mail(sender=None, hosts=("example.net",)), "Verify your account, account locked")
    assert judged.value in Category
