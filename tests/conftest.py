"""Options of the test run."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--campaign",
        action="store_true",
        help="run the long campaigns: the same tests with the larger count that their text names",
    )


@pytest.fixture(scope="session")
def long_campaign(request: pytest.FixtureRequest) -> bool:
    """Whether this run is a long campaign."""
    return bool(request.config.getoption("--campaign"))
