# SPDX-License-Identifier: Apache-2.0
"""The table of kinds of faults. A kind is a function of a Trial: it starts the run, injects the fault, waits for the
end, and requires what is true at that end. The campaign then requires that nothing committed is lost and that the run
resumes and ends like the undisturbed one, unless the kind has seen to that itself."""
import dataclasses
import typing

KINDS = {}


@dataclasses.dataclass
class Kind:
    name: str
    inject: typing.Callable
    least_ranks: int = 1
    mounts: bool = False  # needs a file system of its own
    resumes: bool = True
    early: bool = False  # among the first of a campaign, as a short one is to try something of everything


def kind(name, **given):
    def register(inject):
        KINDS[name] = Kind(name, inject, **given)
        return inject
    return register
