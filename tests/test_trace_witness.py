"""What a provider's own headers are worth beside the line of its border."""

import pytest

from gateway import trace
from gateway.model import Confidence, Origin
from tests.chains import locate
from tests.test_trace import SENDER, VICTIM, mail, origin_of

EXCHANGE = (
    f"from x ({SENDER}) by A.mail.protection.outlook.com (10.1.1.1) with Microsoft SMTP Server"
)
AGREES = ("Authentication-Results", f"spf=none (sender IP is {SENDER}) smtp.mailfrom=x")
DIFFERS = ("Authentication-Results", f"spf=none (sender IP is {VICTIM}) smtp.mailfrom=x")


@pytest.mark.parametrize(
    ("above", "below", "corroborated", "confidence"),
    [
        ((AGREES,), (), ("Authentication-Results",), Confidence.HIGH),
        ((DIFFERS,), (), (), Confidence.LOW),
        ((), (("X-Sender-IP", SENDER),), ("X-Sender-IP",), Confidence.HIGH),
        ((), (("X-Sender-IP", VICTIM),), (), Confidence.LOW),
        ((), (("X-Sender-IP", VICTIM), ("X-Sender-IP", SENDER)), (), Confidence.HIGH),
        ((), (DIFFERS,), (), Confidence.HIGH),
        ((), (("Received", "from a by b"), AGREES), (), Confidence.HIGH),
        ((("Authentication-Results", f"mx.google.com; iprev={VICTIM}"),), (), (), Confidence.HIGH),
        (
            (("Received-SPF", f"Pass (protection.outlook.com: x) client-ip={SENDER};"),),
            (("X-Forefront-Antispam-Report", f"CIP:{SENDER};CTRY:"),),
            ("Received-SPF", "X-Forefront-Antispam-Report"),
            Confidence.HIGH,
        ),
    ],
)
def test_a_providers_own_headers_count_where_it_is_the_border_and_wrote_them(
    above, below, corroborated, confidence
):
    found = trace.find((*above, *mail(EXCHANGE), *below), locate)
    assert isinstance(found, Origin)
    assert found.address == SENDER
    assert (found.corroborated_by, found.confidence) == (corroborated, confidence)


def test_headers_of_another_provider_corroborate_nothing():
    found = origin_of(
        f"from x (x.example.org [{SENDER}]) by mx.example.net (Postfix)", X_Sender_IP=SENDER
    )
    assert found.corroborated_by == ()
