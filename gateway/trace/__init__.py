"""The true origin of a Message: Received chain -> Origin and the line that proves it.

Carries the reading of trace lines (RFC 5321 §4.4) for the purpose of DESIGN section 2: the
border's line is believed, older lines are claims. The law: a line that the sender could have
written never moves the origin. No disk, no network, no clock. Verb: ``find``.
"""

from gateway.trace.borders import Settings, settings
from gateway.trace.finding import find
from gateway.trace.walk import Locate, Untraced

__all__ = ["Locate", "Settings", "Untraced", "find", "settings"]
